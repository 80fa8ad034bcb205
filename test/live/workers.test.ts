import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import t, { type Test } from "tap";
import { eventually } from "../support/eventually.ts";
import { GatewayProcess, said, tableText } from "../support/gateway.ts";
import { descendants } from "../support/process-tree.ts";
import type { Message } from "../support/sip-text.ts";
import { backInDialog, cancelOf, contact, inDialog, invite } from "./requests.ts";
import { type Link, SipNode } from "./sip-node.ts";

const ADDRESS = "sip:ocschat@contoso.com";
const SLOW = "sip:slow@contoso.com";
const WORKERS = 3;
const ENDPOINTS = [
  { sipAddress: ADDRESS, poolFqdn: "pcpool.contoso.com" },
  { sipAddress: SLOW, poolFqdn: "slow.contoso.com" },
];

t.test("three processes that serve one gateway over UDP", async (t) => {
  const pool = await SipNode.start(t);
  const slow = await SipNode.start(t);
  const gateway = await GatewayProcess.start(t, {
    hosts: { "pcpool.contoso.com": [pool.target("udp")], "slow.contoso.com": [slow.target("udp")] },
    endpoints: ENDPOINTS,
    timers: { firstResponseMs: 60_000 },
    // A busy machine is no overload here.
    settings: {
      workers: WORKERS,
      limits: { overloadDelayMs: 0, messagesPerSecond: 0 },
      // Nothing here is about how a stop waits for what is under way.
      drain: { seconds: 2 },
    },
  });
  const caller = await SipNode.start(t);
  const link = await caller.to(gateway.listener("udp"));

  await t.test("what is sent back to back inside a dialog arrives in its order, in both directions", (t) =>
    keepsOrder(t, "order", { caller, link, pool }),
  );

  // What the first process has to do beside its calls is to read.
  for (const [which, place] of [
    ["the one that reads", 0],
    ["another one", 2],
  ] as const) {
    await t.test(`kill -9 of ${which} loses its own transactions alone, and they are begun anew`, async (t) => {
      slow.take = undefined;
      caller.take = undefined;
      const calls = Array.from({ length: 24 }, (_, i) => `${place}-${i}`);
      const invites = new Map(calls.map((callId) => [callId, invite(link, { to: SLOW, callId })]));
      for (const text of invites.values()) link.send(text);
      const rung = await Promise.all(calls.map((callId) => slow.request("INVITE", callId)));
      for (const { message, link: to } of rung) to.send(message.reply("180 Ringing", { toTag: "s1" }));
      const killed = processesOf(gateway.pid)[place]!;
      const before = gateway.log.filter(said("a new process serves in its place")).length;
      process.kill(killed, "SIGKILL");
      await eventually("its replacement", () =>
        gateway.log.filter(said("a new process serves in its place")).length > before ? true : undefined,
      );
      const end = gateway.log.filter(said("a process ended by itself")).at(-1)!;
      const mark = `~${Number(end["process"]).toString(36)}`;
      for (const { message, link: to } of rung) {
        to.send(message.reply("200 OK", { toTag: "s1", headers: `Contact: ${contact("slow", to)}\r\n` }));
      }
      const lost = new Set(rung.filter(({ message }) => message.branch.endsWith(mark)).map(callIdOf));
      t.ok(lost.size > 0 && lost.size < calls.length, `${lost.size} of ${calls.length} calls were its own`);
      for (const callId of calls.filter((callId) => !lost.has(callId))) {
        t.equal((await caller.answer("1 INVITE", callId)).status, 200);
      }
      // The caller repeats it (§17.1.1.2), and it is a new INVITE for whoever serves now.
      for (const callId of lost) link.send(invites.get(callId)!);
      for (const callId of lost) {
        // On a busy machine the one that died has repeated its own.
        const again = await slow.next(
          (message) =>
            message.method === "INVITE" && message.one("Call-ID") === callId && !message.branch.endsWith(mark),
        );
        again.link.send(
          again.message.reply("200 OK", { toTag: "s2", headers: `Contact: ${contact("slow", again.link)}\r\n` }),
        );
        const ok = await caller.answer("1 INVITE", callId);
        link.send(inDialog(link, "ACK", 1, ok));
        link.send(inDialog(link, "BYE", 2, ok));
        await slow.request("ACK", callId);
        const bye = await slow.request("BYE", callId);
        bye.link.send(bye.message.reply("200 OK"));
        t.equal((await caller.answer("2 BYE", callId)).status, 200, "its dialog goes on");
      }
    });
  }

  await t.test("one store serves all of them, and a new one when it dies", async (t) => {
    const [store, ...more] = storesOf(gateway.pid);
    t.same(more, []);
    process.kill(store!, "SIGKILL");
    await eventually("that all of them know", () => {
      return gateway.log.filter(said("the store of the endpoint table is away")).length >= WORKERS ? true : undefined;
    });
    const rows = [...ENDPOINTS, { sipAddress: "sip:new@contoso.com", poolFqdn: "pcpool.contoso.com" }];
    await writeFile(gateway.tableFile, tableText(rows));
    const inForce = () =>
      gateway.log
        .filter(said("a changed endpoint table is in force"))
        .filter((line) => line["endpoints"] === rows.length);
    await eventually("the edit, in all of them", () => (inForce().length >= WORKERS ? true : undefined));
    t.equal(new Set(inForce().map(({ revision }) => revision)).size, 1, "one revision");
    t.equal(storesOf(gateway.pid).length, 1);
  });

  await t.test("the order stays while an upgrade's old and new processes overlap", async (t) => {
    slow.take = undefined;
    caller.take = undefined;
    link.send(invite(link, { to: SLOW, callId: "keeps-the-old-ones" }));
    const { message, link: to } = await slow.request("INVITE", "keeps-the-old-ones");
    to.send(message.reply("180 Ringing", { toTag: "s1" }));
    gateway.kill("SIGUSR2");
    await gateway.logged(said("new processes serve"));
    t.equal(storesOf(gateway.pid).length, 2, "the old ones have theirs as long as they live, the new ones a new one");
    await keepsOrder(t, "overlap", { caller, link, pool });
    caller.take = undefined;
    to.send(message.reply("486 Busy Here", { toTag: "s1" }));
    t.equal((await caller.answer("1 INVITE", "keeps-the-old-ones")).status, 486, "an old one still had its call");
  });

  await t.test("a CANCEL, and the repetition of an INVITE, come to whoever has it (§9.2, §17.2.1)", async (t) => {
    const calls = Array.from({ length: 8 }, (_, i) => `cancel-${i}`);
    for (const callId of calls) {
      const text = invite(link, { to: SLOW, callId });
      link.send(text);
      link.send(text);
      const call = await slow.request("INVITE", callId);
      call.link.send(call.message.reply("180 Ringing", { toTag: "s1" }));
      link.send(cancelOf(text));
      t.equal((await caller.answer("1 CANCEL", callId)).status, 200);
      const cancel = await slow.request("CANCEL", callId);
      t.equal(cancel.message.branch, call.message.branch);
      cancel.link.send(cancel.message.reply("200 OK"));
      call.link.send(call.message.reply("487 Request Terminated", { toTag: "s1" }));
      t.equal((await caller.answer("1 INVITE", callId)).status, 487);
    }
  });

  await t.test("no store outlives them", async (t) => {
    const stores = storesOf(gateway.pid);
    await gateway.stop();
    t.same(stores.filter(isThere), []);
  });
});

/** Makes calls in which each side sends all it has to say at once. */
async function keepsOrder(
  t: Test,
  name: string,
  { caller, link, pool }: { caller: SipNode; link: Link; pool: SipNode },
): Promise<void> {
  const atPool = record(pool, (message, to) => {
    if (message.method === "ACK") return;
    const headers = message.method === "INVITE" ? `Contact: ${contact("pool", to)}\r\n` : "";
    to.send(message.reply("200 OK", { toTag: "p1", headers }));
    if (message.method === "INVITE") to.send(backInDialog(to, "INFO", 1, message, "p1"));
  });
  const opened = new Set<string>();
  const atCaller = record(caller, (message, to) => {
    if (message.method === "INFO") to.send(message.reply("200 OK"));
    if (message.status !== 200 || message.one("CSeq") !== "1 INVITE") return;
    if (opened.has(message.one("Call-ID"))) return;
    opened.add(message.one("Call-ID"));
    for (const [at, method] of ["ACK", "INFO", "BYE"].entries()) to.send(inDialog(to, method, at + 1, message));
  });
  const calls = Array.from({ length: 24 }, (_, i) => `${name}-${i}`);
  for (const callId of calls) link.send(invite(link, { to: ADDRESS, callId }));
  for (const callId of calls) {
    await eventually(callId, () => (atCaller.get(callId)?.includes("200 3 BYE") ? true : undefined));
  }
  t.same(
    calls.map((callId) => [callId, atPool.get(callId)!.filter((what) => !what.startsWith("200"))]),
    calls.map((callId) => [callId, ["INVITE", "ACK", "INFO", "BYE"]]),
  );
  const invited = calls.map((callId) => atCaller.get(callId)!.filter((what) => /^200 1 INVITE|^INFO/.test(what)));
  t.same(
    invited.filter(([first, second]) => first !== "200 1 INVITE" || second !== "INFO"),
    [],
  );
}

/** Writes down what arrives at a node, by Call-ID: the method, or status and CSeq, and nothing twice. */
function record(node: SipNode, then: (message: Message, link: Link) => void): Map<string, string[]> {
  const arrived = new Map<string, string[]>();
  node.take = (message, link) => {
    const callId = message.one("Call-ID");
    const what = message.status === 0 ? message.method : `${message.status} ${message.one("CSeq")}`;
    const before = arrived.get(callId) ?? [];
    // On a busy machine the gateway repeats what is answered late.
    if (!before.includes(what)) arrived.set(callId, [...before, what]);
    then(message, link);
    return true;
  };
  return arrived;
}

function callIdOf({ message }: { message: Message }): string {
  return message.one("Call-ID");
}

/** The processes that serve, in the order in which they were started. */
function processesOf(supervisor: number): number[] {
  return childrenOf(supervisor).filter((pid) => !isStore(pid));
}

function storesOf(supervisor: number): number[] {
  return descendants(supervisor).filter(isStore);
}

function isStore(pid: number): boolean {
  return readFileSync(`/proc/${pid}/cmdline`, "latin1").includes("store-process");
}

function isThere(pid: number): boolean {
  try {
    return isStore(pid);
  } catch {
    return false;
  }
}

function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, "latin1").trim().split(" ").map(Number);
}
