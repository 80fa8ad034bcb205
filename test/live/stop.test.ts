import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer, Server } from "node:net";
import t from "tap";
import { freePort } from "../support/free-port.ts";
import { type Closing, GatewayPlace, GatewayProcess, runWaypost } from "../support/gateway.ts";
import { descendants } from "../support/process-tree.ts";
import { invite } from "./requests.ts";
import { SipNode } from "./sip-node.ts";

const ADDRESS = "sip:ocschat@contoso.com";

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  for (const transport of ["udp", "tcp"] as const) {
    t.test(`${signal} while a call over ${transport} is under way: it gets its answer, status 0`, async (t) => {
      const pool = await SipNode.start(t);
      const gateway = await GatewayProcess.start(t, {
        hosts: { "pcpool.contoso.com": [pool.target(transport)] },
        endpoints: [{ sipAddress: ADDRESS, poolFqdn: "pcpool.contoso.com" }],
      });
      const caller = await SipNode.start(t);
      const link = await caller.to(gateway.listener(transport));
      link.send(invite(link, { to: ADDRESS }));
      const call = await pool.request("INVITE");
      gateway.kill(signal);
      t.equal((await gateway.logged(({ msg }) => msg === "stopping"))["unanswered"], 1);
      call.link.send(call.message.reply("200 OK", { headers: "Contact: <sip:pool@127.0.0.1>\r\n" }));
      t.equal((await caller.answer("1 INVITE")).status, 200);
      t.match(await gateway.ended(), { status: 0, signal: null });
      t.equal(gateway.log.at(-1)?.msg, "stopped");
    });
  }
}

t.test("while a call is under way, a stop counts down, refuses new calls and has an end", async (t) => {
  const pool = await SipNode.start(t);
  const gateway = await GatewayProcess.start(t, {
    hosts: { "pcpool.contoso.com": [pool.target("udp")] },
    endpoints: [{ sipAddress: ADDRESS, poolFqdn: "pcpool.contoso.com" }],
    settings: { drain: { seconds: 2 } },
  });
  const caller = await SipNode.start(t);
  const link = await caller.to(gateway.listener("udp"));
  link.send(invite(link, { to: ADDRESS }));
  await pool.request("INVITE");
  gateway.kill("SIGTERM");
  await gateway.logged(({ msg }) => msg === "stopping");
  link.send(invite(link, { to: ADDRESS, callId: "too-late" }));
  t.equal((await caller.answer("1 INVITE", "too-late")).status, 503);
  t.match(await gateway.logged(({ msg }) => msg === "still stopping"), { underWay: 1, secondsLeft: 1 });
  t.match(await gateway.ended(), { status: 0 });
  t.ok(gateway.log.some(({ msg, underWay }) => /the time to stop is over/.test(msg) && underWay === 1));
});

t.test("a second signal ends the gateway at once, with status 1", async (t) => {
  const pool = await SipNode.start(t);
  const place = await GatewayPlace.make(t, {
    hosts: { "pcpool.contoso.com": [pool.target("udp")] },
    endpoints: [{ sipAddress: ADDRESS, poolFqdn: "pcpool.contoso.com" }],
  });
  const gateway = await GatewayProcess.startIn(place);
  const caller = await SipNode.start(t);
  const link = await caller.to(gateway.listener("udp"));
  link.send(invite(link, { to: ADDRESS }));
  await pool.request("INVITE");
  gateway.kill("SIGTERM");
  await gateway.logged(({ msg }) => msg === "stopping");
  gateway.kill("SIGTERM");
  t.match(await gateway.ended(), { status: 1 });
});

t.test("SIGTERM with nothing under way ends the gateway with status 0", async (t) => {
  const gateway = await GatewayProcess.start(t);
  const { out } = await gateway.stop();
  t.match(out, /^waypost ready on [^\n]*\n$/, "the ready line is all there is on standard output");
});

t.test("SIGTERM while connections are open, and idle, ends the gateway with status 0", async (t) => {
  const gateway = await GatewayProcess.start(t);
  const caller = await SipNode.start(t);
  const link = await caller.to(gateway.listener("tcp"));
  link.send(invite(link, { to: "sip:stranger@contoso.com" }));
  await caller.answer("1 INVITE");
  await gateway.stop();
});

t.test("a process that hangs is killed when its time to stop is long over, and the log says so", async (t) => {
  const gateway = await GatewayProcess.start(t, { settings: { drain: { seconds: 0 } } });
  const [worker] = descendants(gateway.pid);
  process.kill(worker!, "SIGSTOP");
  gateway.kill("SIGTERM");
  t.match(await gateway.ended(), { status: 0 });
  t.ok(gateway.log.some(({ msg }) => /did not end in its time and is killed/.test(msg)));
  t.throws(() => process.kill(worker!, 0), { code: "ESRCH" }, "nothing of it is left");
});

for (const transport of ["udp", "tcp"] as const) {
  t.test(`a ${transport} port that is taken: status 1, the place is named, and nothing is left bound`, async (t) => {
    const taken = await occupied(t, transport);
    const other = { transport: transport === "udp" ? "tcp" : "udp", port: await freePort() } as const;
    const place = await GatewayPlace.make(t, { listen: [other, { transport, port: taken }] });
    const { status, out, err } = await runWaypost(["serve", "--config", place.configFile]);
    t.equal(status, 1);
    t.equal(out, "", "it never says that it is ready");
    t.match(err, `cannot listen on ${transport} 127.0.0.1:${taken}`);
    t.match(err, /in use/);
    t.match(err, /Free the address and port/, "what to do");
    t.notMatch(err, /\bat .*\.[jt]s:\d+/, "no stack trace");
    await t.resolves(occupied(t, other.transport, other.port), "the other port is free");
  });
}

t.test("a table that cannot be read: status 1, with line and column", async (t) => {
  const place = await GatewayPlace.make(t, {
    endpoints: [{ sipAddress: "no address", poolFqdn: "pcpool.contoso.com" }],
  });
  const { status, out, err } = await runWaypost(["serve", "--config", place.configFile]);
  t.equal(status, 1);
  t.equal(out, "");
  t.match(err, `${place.tableFile}:4:`);
});

/** Takes a port of 127.0.0.1, a free one unless it is named, and gives it. */
async function occupied(t: Closing, transport: "udp" | "tcp", port = 0): Promise<number> {
  const holder = transport === "udp" ? createSocket("udp4").bind(port, "127.0.0.1") : createServer();
  if (holder instanceof Server) holder.listen(port, "127.0.0.1");
  await once(holder, "listening");
  t.teardown(() => holder.close());
  return (holder.address() as { port: number }).port;
}
