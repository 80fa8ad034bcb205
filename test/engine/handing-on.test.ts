import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { callIdHash, hashOf, isResponse, processInBranch, UNTOLD } from "../../src/engine/neighbours/addressee.ts";
import { type FrameHead, type FrameTaker, frameReader, plainFrame } from "../../src/engine/neighbours/frames.ts";
import { Links } from "../../src/engine/neighbours/links.ts";
import { markOf, type Passed } from "../../src/sip/neighbours.ts";
import { parseMessage } from "../../src/sip/parse.ts";
import { SipGrammar } from "../fuzz/grammar.ts";
import { eventually } from "../support/eventually.ts";
import { SimRandom } from "../support/sim-random.ts";

const SEED = 4711;

/** A request with these lines beside Via, From, To and CSeq. */
function request(...lines: string[]): Buffer {
  const head = [
    "INFO sip:a@192.0.2.9 SIP/2.0",
    "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1~7",
    "Max-Forwards: 70",
    "From: <sip:a@b>;tag=1",
    "To: <sip:c@d>;tag=2",
    "CSeq: 2 INFO",
  ];
  return Buffer.from(`${[...head, ...lines].join("\r\n")}\r\n\r\n`, "latin1");
}

function response(...vias: string[]): Buffer {
  return Buffer.from(`SIP/2.0 200 OK\r\n${vias.join("\r\n")}\r\nCall-ID: x\r\n\r\n`, "latin1");
}

const hashed = (bytes: Buffer): number => callIdHash(bytes, SEED);

t.test("whose a request is, is told by its Call-ID, however its header is written (§7.3)", async (t) => {
  for (const line of ["Call-ID: x~1@y", "call-id:x~1@y", "CALL-ID \t:  x~1@y \t", "i: x~1@y", "I :x~1@y"]) {
    t.equal(hashed(request(line)), hashOf("x~1@y", SEED), line);
  }
  t.equal(hashed(request("Call-ID: \xe9", "Content-Length: 0")), hashOf("\xe9", SEED));
  t.not(hashed(request("Call-ID: x")), callIdHash(request("Call-ID: x"), 1));
  t.equal(hashed(request("Record-Route: <sip:~1@192.0.2.9;lr>", "Call-ID: x")), hashOf("x", SEED));
});

t.test("what its bytes alone do not tell is left to whoever reads all of it", async (t) => {
  const untold: [string, Buffer][] = [
    ["a Route that may name a connection", request("Call-ID: x", "Route: <sip:t~1@192.0.2.9;lr>")],
    ["the same in another spelling", request("route :<sip:t~1@192.0.2.9;lr>", "Call-ID: x")],
    ["a folded Call-ID", request("Call-ID:", " x")],
    ["a fold somewhere else", request("Call-ID: x", "Subject: a", "\tb")],
    ["two Call-IDs", request("Call-ID: x", "i: y")],
    ["no Call-ID", request("Contact: <sip:a@b>")],
    ["an empty one", request("Call-ID: ")],
    ["a line without a colon", request("Call-ID: x", "Route")],
    ["no end of the head", request("Call-ID: x").subarray(0, -2)],
    ["half a head", request("Call-ID: x").subarray(0, -20)],
    ["a very long head", request(`Subject: ${"x".repeat(10_000)}`, "Call-ID: x")],
    ["a CANCEL", Buffer.from(request("Call-ID: x").toString("latin1").replaceAll("INFO", "CANCEL"), "latin1")],
    ["nothing", Buffer.alloc(0)],
    ["line ends", Buffer.from("\r\n\r\n")],
  ];
  for (const [what, bytes] of untold) t.equal(hashed(bytes), UNTOLD, what);
});

t.test("whose a response is, is told by our mark at the end of its topmost branch", async (t) => {
  const top = (via: string): number => processInBranch(response(via, "Via: SIP/2.0/UDP c;branch=z9hG4bK~5"));
  t.equal(top("Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKa.1~2k;received=192.0.2.1"), 92);
  t.equal(top("v:SIP/2.0/UDP 192.0.2.9;rport=5060;branch=z9hG4bK~x~3"), 3, "the last mark counts");
  t.equal(top("VIA : SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKa~3, SIP/2.0/UDP c;branch=z9hG4bK~5"), 3);
  for (const via of [
    "Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKa",
    "Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKa~3.x",
    "Via: SIP/2.0/UDP 192.0.2.9;rport",
    "Via: SIP/2.0/UDP 192.0.2.9, SIP/2.0/UDP c;branch=z9hG4bK~5",
    "Via: SIP/2.0/UDP 192.0.2.9\r\n ;branch=z9hG4bK~5",
    "Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK~",
  ]) {
    t.equal(top(via), UNTOLD, via);
  }
  t.equal(top("X: y"), 5, "the Via need not be the first line");
  t.ok(isResponse(response()));
  t.notOk(isResponse(request("Call-ID: x")));
});

t.test("where the bytes tell whose a message is, the parser says the same", async (t) => {
  const grammar = new SipGrammar(new SimRandom(7));
  const told = { ids: 0, hashes: 0 };
  const disagreements: string[] = [];
  for (let i = 0; i < 4000; i++) {
    const text = grammar.message().replaceAll("branch=z9hG4bK", `branch=z9hG4bK~1~${i % 3 === 0 ? "" : "z0"}`);
    const bytes = Buffer.from(text, "latin1");
    const parsed = parseMessage(bytes);
    if (parsed.kind !== "message") continue;
    const { topVia, callId, isRequest } = parsed.message;
    const id = processInBranch(bytes);
    const hash = callIdHash(bytes, SEED);
    if (id !== UNTOLD) told.ids++;
    if (id !== UNTOLD && id !== Number.parseInt(markOf(topVia?.branch ?? "").slice(1), 36)) disagreements.push(text);
    if (!isRequest || hash === UNTOLD) continue;
    told.hashes++;
    if (hash !== hashOf(callId, SEED)) disagreements.push(text);
  }
  t.same(disagreements, []);
  t.ok(told.hashes > 900 && told.ids > 300, JSON.stringify(told));
});

/** What arrives, as one list in its order. */
function recorder(): { arrived: unknown[]; taker: FrameTaker } {
  const arrived: unknown[] = [];
  return {
    arrived,
    taker: {
      frame: (head: FrameHead, bytes: Buffer) => arrived.push([head, bytes.toString("latin1")]),
      datagram: (name: string, passed: Passed, bytes: Buffer) =>
        arrived.push([name, passed, bytes.length, bytes.toString("latin1", 0, 3), bytes.toString("latin1").slice(-3)]),
    },
  };
}

t.test(
  "what was sent before is with the kernel when a neighbour gets something: who gets it may send at once",
  async (t) => {
    const folder = mkdtempSync(join(tmpdir(), "waypost-links-"));
    t.teardown(() => rmSync(folder, { recursive: true }));
    const path = join(folder, "2.sock");
    const receiver = await Links.listen(path, recorder().taker);
    const seen: string[] = [];
    const sender = await Links.listen(join(folder, "1.sock"), recorder().taker, () => seen.push("datagrams go out"));
    const outbox = sender.to(2, path);
    const write = outbox.socket.write.bind(outbox.socket);
    outbox.socket.write = (bytes: string | Uint8Array) => {
      seen.push("the neighbour gets it");
      return write(bytes);
    };
    outbox.put({ kind: "turn" });
    await new Promise((done) => setImmediate(() => setImmediate(done)));
    t.same(seen, ["datagrams go out", "the neighbour gets it"]);
    await Promise.all([sender.close(), receiver.close()]);
  },
);

t.test("what a neighbour is given arrives whole and in its order, of whatever length and kind", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "waypost-links-"));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const { arrived, taker } = recorder();
  const path = join(folder, "2.sock");
  const receiver = await Links.listen(path, taker);
  const sender = await Links.listen(join(folder, "1.sock"), taker);
  const name = Buffer.from("udp 192.0.2.9 5060 192.0.2.1 5062", "latin1");
  const passed = { asked: [1, 70_000], settled: true };
  const sent: unknown[] = [];
  const lengths = [0, 3, 700, 65_535, 20, 16_384, 16_383, 65_507, ...Array.from({ length: 300 }, (_, i) => 500 + i)];
  for (const [i, length] of lengths.entries()) {
    const text = `${i}.`.padEnd(length, "\xe9").slice(0, length);
    sender.to(2, path).putDatagram(name, passed, Buffer.from(text, "latin1"));
    sent.push([String(name), passed, length, text.slice(0, 3), text.slice(-3)]);
    if (i % 50 !== 0) continue;
    sender.to(2, path).put({ kind: "pool", address: `192.0.2.${i}` });
    sent.push([{ kind: "pool", address: `192.0.2.${i}` }, ""]);
  }
  sender.to(2, path).put({ kind: "send", by: 1, connection: 2 }, Buffer.from("x".repeat(100_000)));
  sent.push([{ kind: "send", by: 1, connection: 2 }, "x".repeat(100_000)]);
  await eventually("all of it", () => (arrived.length >= sent.length ? true : undefined));
  t.same(arrived, sent);
  t.equal(sender.waiting(2), 0);

  sender.to(2, path).put({ kind: "turn" });
  sender.keep(new Map());
  await receiver.unused();
  t.same(arrived.at(-1), [{ kind: "turn" }, ""], "what was given before the link ends still arrives");
  await Promise.all([sender.close(), receiver.close()]);
});

t.test("frames that arrive in pieces are put together", async (t) => {
  const { arrived, taker } = recorder();
  const reader = frameReader(taker);
  const heads: FrameHead[] = [
    { kind: "pool", address: "192.0.2.1" },
    { kind: "closed", by: 1, connection: 2, reason: "gone" },
  ];
  const bytes = Buffer.concat(heads.map((head, i) => plainFrame(head, Buffer.from("x".repeat(i * 10)))));
  for (const byte of bytes) reader.push(Buffer.of(byte));
  t.same(
    arrived,
    heads.map((head, i) => [head, "x".repeat(i * 10)]),
  );
});

t.test("bytes for a neighbour that does not take them are counted while they wait", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "waypost-links-"));
  t.teardown(() => rmSync(folder, { recursive: true }));
  // It does not even accept: a process that hangs.
  const server = createServer({ pauseOnConnect: true }).listen(join(folder, "2.sock"));
  await once(server, "listening");
  const links = await Links.listen(join(folder, "1.sock"), recorder().taker);
  for (let i = 0; i < 100; i++) {
    links
      .to(2, join(folder, "2.sock"))
      .putDatagram(Buffer.from("n"), { asked: [], settled: true }, Buffer.alloc(60_000));
  }
  await eventually("the kernel's buffer is full", () => (links.waiting(2) > 5_000_000 ? true : undefined));
  server.close();
  links.keep(new Map());
  t.equal(links.waiting(2), 0, "one that is gone is waited for no more");
  await links.close();
});
