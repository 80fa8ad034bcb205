import t from "tap";
import { GatewayProcess, said } from "../support/gateway.ts";
import { CallStream } from "./call-stream.ts";
import { willingPool } from "./pool.ts";
import { cancelOf, inDialog, invite } from "./requests.ts";
import { SipNode } from "./sip-node.ts";

const ADDRESS = "sip:ocschat@contoso.com";
const SLOW = "sip:slow@contoso.com";

t.test("an upgrade under calls, with two processes", async (t) => {
  const pool = await willingPool(t, "pool");
  const slow = await SipNode.start(t);
  const gateway = await GatewayProcess.start(t, {
    hosts: { "pcpool.contoso.com": [pool.target("udp")], "slow.contoso.com": [slow.target("udp")] },
    endpoints: [
      { sipAddress: ADDRESS, poolFqdn: "pcpool.contoso.com" },
      { sipAddress: SLOW, poolFqdn: "slow.contoso.com" },
    ],
    settings: {
      workers: 2,
      drain: { seconds: 5, replacedSeconds: 2 },
      // A busy machine is no overload here.
      limits: { overloadDelayMs: 0, messagesPerSecond: 0 },
    },
  });
  const caller = await SipNode.start(t);
  const link = await caller.to(gateway.listener("udp"));

  // Calls that ring while the processes change, one for each thing that may come to them later.
  const ringing = ["answered", "cancelled", "repeated", "refused"];
  const invites = new Map<string, string>();
  const rung = new Map<string, Awaited<ReturnType<SipNode["request"]>>>();
  for (const callId of ringing) {
    const text = invite(link, { to: SLOW, callId });
    invites.set(callId, text);
    link.send(text);
    const call = await slow.request("INVITE", callId);
    rung.set(callId, call);
    call.link.send(call.message.reply("180 Ringing", { toTag: "s1" }));
  }

  const stream = await CallStream.start(t, gateway.listeners, ADDRESS);
  await stream.answeredAfter(performance.now());
  gateway.kill("SIGUSR2");
  await gateway.logged(said("new processes serve"));
  await stream.answeredAfter(performance.now());

  await t.test("an INVITE repeated after it is still the old process's: the pool gets it once (§17.2.1)", async (t) => {
    for (let i = 0; i < 6; i++) link.send(invites.get("repeated")!);
    const call = rung.get("repeated")!;
    call.link.send(
      call.message.reply("200 OK", { toTag: "s1", headers: `Contact: <sip:pool@${call.link.local}>\r\n` }),
    );
    const ok = await caller.answer("1 INVITE", "repeated");
    t.equal(ok.status, 200);
    link.send(inDialog(link, "ACK", 1, ok));
    const { message } = await slow.next(
      ({ method, status }) => status === 0 && method !== "INVITE" && method !== "CANCEL",
    );
    t.equal(message.method, "ACK");
  });

  await t.test("a response finds the process that waits for it, and the dialog goes on", async (t) => {
    const call = rung.get("answered")!;
    call.link.send(
      call.message.reply("200 OK", { toTag: "s1", headers: `Contact: <sip:pool@${call.link.local}>\r\n` }),
    );
    const ok = await caller.answer("1 INVITE", "answered");
    link.send(inDialog(link, "ACK", 1, ok));
    await slow.request("ACK", "answered");
    link.send(inDialog(link, "BYE", 2, ok));
    const bye = await slow.request("BYE", "answered");
    bye.link.send(bye.message.reply("200 OK"));
    t.equal((await caller.answer("2 BYE", "answered")).status, 200);
  });

  await t.test("a CANCEL finds the INVITE that it is for (§9.2)", async (t) => {
    link.send(cancelOf(invites.get("cancelled")!));
    t.equal((await caller.answer("1 CANCEL", "cancelled")).status, 200);
    const cancel = await slow.request("CANCEL", "cancelled");
    cancel.link.send(cancel.message.reply("200 OK"));
    const call = rung.get("cancelled")!;
    call.link.send(call.message.reply("487 Request Terminated", { toTag: "s1" }));
    t.equal((await caller.answer("1 INVITE", "cancelled")).status, 487);
  });

  await t.test("the ACK of a failure ends its repetition (§17.2.1)", async (t) => {
    const call = rung.get("refused")!;
    call.link.send(call.message.reply("486 Busy Here", { toTag: "s1" }));
    const busy = await caller.answer("1 INVITE", "refused");
    t.equal(busy.status, 486);
    const text = invites.get("refused")!;
    link.send(
      text
        .replace(/^INVITE/, "ACK")
        .replace("1 INVITE", "1 ACK")
        .replace(/^To: .*$/m, `To: ${busy.one("To")}`),
    );
    const stopped = gateway.log.filter(said("others serve now"));
    t.equal(stopped.length, 2, "both old processes finish");
  });

  await t.test("no call of the stream failed, over UDP or over TCP", async (t) => {
    // The old processes have to close the connections that are still open when their time is over.
    const unanswered = await stream.end();
    t.same(unanswered, []);
    const wrong = stream.calls.filter(({ answer }) => answer !== "200 from pool");
    t.same(
      wrong.map(({ answer }) => answer),
      [],
    );
    t.ok(stream.calls.length > 50, `${stream.calls.length} calls`);
  });

  await t.test("a second upgrade whose configuration is wrong is refused, and what serves goes on", async (t) => {
    const { writeFile, readFile } = await import("node:fs/promises");
    const good = await readFile(gateway.configFile, "utf8");
    await writeFile(gateway.configFile, good.replace('"host": "127.0.0.1"', '"host": "192.0.2.1"'));
    gateway.kill("SIGUSR2");
    await gateway.logged(said("the upgrade was refused"));
    await writeFile(gateway.configFile, good);
    link.send(invite(link, { to: ADDRESS, callId: "after-refusal" }));
    t.equal((await caller.answer("1 INVITE", "after-refusal")).status, 200);
  });
});
