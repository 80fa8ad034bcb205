import t from "tap";
import { CoreHarness, proxyTo } from "../support/core-harness.ts";
import { SimBench } from "../support/sim-bench.ts";
import { type SimMessage, writeMessage, writeReply } from "../support/sim-message.ts";
import { hopByHop } from "../support/sim-transactions.ts";

/** Cases that the simulated network has brought to light, each on its own. */

const FRONT_END = "SIP/2.0/UDP fe1.contoso.com:5060;branch=z9hG4bKfe1";
const CONTACT = "Contact: <sip:10.0.2.1:5060>";

function request(method: string, via = FRONT_END, to = "<sip:ocschat@contoso.com>", more: string[] = []): SimMessage {
  return writeMessage([
    `${method} sip:ocschat@contoso.com SIP/2.0`,
    `Via: ${via}`,
    ...more,
    "From: <sip:alice@contoso.com>;tag=a",
    `To: ${to}`,
    "Max-Forwards: 70",
    `CSeq: 1 ${method}`,
    "Call-ID: c1",
    "Contact: <sip:alice@10.0.0.1:5060>",
  ]);
}

t.test("rport and received are written side by side, wherever rport stands (RFC 3581 §4)", async (t) => {
  for (const via of [
    "SIP/2.0/UDP fe1.contoso.com:5060;branch=z9hG4bKfe1;rport",
    "SIP/2.0/UDP fe1.contoso.com:5060;rport;branch=z9hG4bKfe1",
    "SIP/2.0/UDP 10.0.0.1:5060;rport",
    "SIP/2.0/UDP 192.168.0.9;rport, SIP/2.0/tls 10.1.4.23:50312",
  ]) {
    const bench = new SimBench("udp", "udp");
    bench.receive(request("INVITE", via), bench.caller);
    for (const place of [bench.last("INVITE").vias[1]!, bench.last("SIP/2.0 100").vias[0]!]) {
      t.equal(place.params.get("rport"), "5060", place.text);
      t.equal(place.params.get("received"), "10.0.0.1", place.text);
    }
  }
});

t.test("a repeated non-INVITE is not forwarded again when the pool has answered 408 (RFC 3261 §17.2.2)", async (t) => {
  const bench = new SimBench("udp", "udp");
  const asked = request("MESSAGE");
  bench.receive(asked, bench.caller);
  bench.receive(writeReply(bench.last("MESSAGE"), 408, "p"), bench.pool);
  for (const at of [500, 1500, 3500, 31_500]) {
    bench.runTo(at);
    bench.receive(asked, bench.caller);
  }
  t.same(bench.times("MESSAGE"), [0]);
  t.same(bench.times("SIP/2.0 408"), [], "and the 408 stays here (RFC 4320 §4.2)");
  bench.runTo(100_000);
  t.equal(bench.core.load.serverTransactions, 0);
});

t.test("a 401 of the pool inside a dialog does not reach the legacy client either", async (t) => {
  const bench = new SimBench("udp", "udp");
  const routes = ["Route: <sip:gw.contoso.com:5060;transport=udp;lr>", "Route: <sip:10.0.2.1:5060;lr>"];
  bench.receive(request("INFO", FRONT_END, "<sip:ocschat@contoso.com>;tag=p", routes), bench.caller);
  bench.receive(writeReply(bench.last("INFO"), 401, "p"), bench.pool);
  t.same(bench.times("SIP/2.0 401"), []);
  t.equal(bench.sent.filter(({ message }) => message.status >= 400).length, 1, "but something else does");
});

t.test("a provisional response other than 100 to a non-INVITE is not passed on (RFC 4320 §4.1)", async (t) => {
  const bench = new SimBench("udp", "udp");
  bench.receive(request("MESSAGE"), bench.caller);
  bench.receive(writeReply(bench.last("MESSAGE"), 183, "p"), bench.pool);
  t.same(bench.times("SIP/2.0 183"), []);
});

t.test("a repeated CANCEL gets the same answer, also when its INVITE is over (RFC 3261 §9.2, §17.2.2)", async (t) => {
  const bench = new SimBench("udp", "udp");
  const invite = request("INVITE");
  bench.receive(invite, bench.caller);
  const cancel = hopByHop(invite, "CANCEL", invite.to);
  bench.receive(writeReply(bench.last("INVITE"), 100, ""), bench.pool);
  bench.receive(cancel, bench.caller);
  bench.receive(writeReply(bench.last("INVITE"), 487, "p"), bench.pool);
  bench.receive(hopByHop(invite, "ACK", bench.last("SIP/2.0 487").to), bench.caller);
  bench.runTo(7500);
  bench.receive(cancel, bench.caller);
  t.same(
    bench.sent
      .filter(({ message }) => message.status >= 200 && message.method === "CANCEL")
      .map((s) => s.message.status),
    [200, 200],
  );
});

t.test(
  "a 2xx that comes on a new connection, after the first one broke, is passed on (RFC 3261 §18.2.2)",
  async (t) => {
    const bench = new SimBench("udp", "tcp");
    bench.targets = [1, 2].map((n) => ({ transport: "tcp", address: `10.0.2.${n}`, port: 5060, host: "pool" }));
    bench.receive(request("INVITE"), bench.caller);
    const first = bench.last("INVITE");
    bench.receive(writeReply(first, 180, "p", [CONTACT]), bench.pool);
    bench.runTo(1000);
    bench.breakDown(bench.targets[0]!);
    t.not(bench.last("INVITE").vias[0]!.branch, first.vias[0]!.branch, "the second target is asked");
    bench.runTo(2000);
    bench.receive(writeReply(first, 200, "p", [CONTACT]), bench.pool);
    t.same(bench.times("SIP/2.0 200"), [2000]);
  },
);

t.test(
  "a late failure of a target that was given up does not end a call that rings elsewhere (RFC 3261 §16.7)",
  async (t) => {
    for (const status of [487, 486, 503]) {
      const bench = new SimBench("udp", "udp");
      bench.targets = [1, 2, 3].map((n) => ({ transport: "udp", address: `10.0.2.${n}`, port: 5060, host: "pool" }));
      bench.receive(request("INVITE"), bench.caller);
      const first = bench.last("INVITE");
      bench.runTo(4000);
      const second = bench.last("INVITE");
      t.not(second.vias[0]!.branch, first.vias[0]!.branch, "the second target is asked after 4 s of silence");
      bench.receive(writeReply(second, 180, "q"), bench.flowTo(bench.targets[1]!));
      bench.receive(writeReply(first, 180, "p"), bench.pool);
      t.equal(bench.last("CANCEL").vias[0]!.branch, first.vias[0]!.branch, "the first is cancelled as it wakes");
      bench.receive(writeReply(first, status, "p"), bench.pool);
      bench.runTo(20_000);
      t.same(
        bench.sent.filter(
          ({ message, flow }) => message.start.startsWith("INVITE") && flow.remoteAddress === "10.0.2.3",
        ),
        [],
        "the third is left alone",
      );
      bench.receive(writeReply(second, 200, "q", [CONTACT]), bench.flowTo(bench.targets[1]!));
      t.same(bench.times("SIP/2.0 200"), [20_000]);
      t.same(bench.times(`SIP/2.0 ${status}`), []);
    }
  },
);

t.test(
  "a slow target is not cancelled when it wakes after the last other one has failed (RFC 3261 §16.7)",
  async (t) => {
    const bench = new SimBench("udp", "udp");
    bench.targets = [1, 2].map((n) => ({ transport: "udp", address: `10.0.2.${n}`, port: 5060, host: "pool" }));
    bench.receive(request("INVITE"), bench.caller);
    const first = bench.last("INVITE");
    bench.runTo(4100);
    bench.receive(writeReply(bench.last("INVITE"), 503, "q"), bench.flowTo(bench.targets[1]!));
    bench.runTo(4800);
    bench.receive(writeReply(first, 180, "p"), bench.pool);
    t.same(bench.times("CANCEL"), []);
    bench.runTo(9000);
    bench.receive(writeReply(first, 200, "p", [CONTACT]), bench.pool);
    t.same(bench.times("SIP/2.0 200"), [9000]);
  },
);

t.test("a slow target that wakes while the next name is looked up keeps the call (RFC 3261 §16.7)", async (t) => {
  for (const later of ["the look-up fails", "it fails itself"]) {
    const net = new CoreHarness({ locateLater: true, decide: proxyTo("sip:pool", "sip:backup") });
    const caller = net.udp("10.0.0.1");
    const [first, backup] = [net.udp("10.0.2.1"), net.udp("10.0.2.2")];
    caller.says(request("INVITE").text);
    net.answerLocate("pool", "udp:10.0.2.1:5060");
    const invite = first.hears();
    net.advance(4000);
    t.equal(net.located.at(-1)?.host, "backup", "the next name is looked up after 4 s of silence");
    first.inbox.length = 0;
    first.answers(invite, "180 Ringing");
    net.failLocate("backup");
    t.same(first.inbox, [], "it is not cancelled");
    if (later === "the look-up fails") first.answers(invite, "200 OK", { headers: `${CONTACT}\r\n` });
    else {
      first.answers(invite, "503 Service Unavailable");
      net.answerLocate("backup", "udp:10.0.2.2:5060");
      backup.answers(backup.hears(), "200 OK", { headers: `${CONTACT}\r\n` });
    }
    t.equal(caller.inbox.at(-1)?.status, 200, later);
  }
});

t.test("a target whose connection broke fails once, also when it still answers what leads to nobody", async (t) => {
  const bench = new SimBench("udp", "tcp");
  bench.targets = [1, 2, 3].map((n) => ({ transport: "tcp", address: `10.0.2.${n}`, port: 5060, host: "pool" }));
  bench.receive(request("INVITE"), bench.caller);
  const first = bench.last("INVITE");
  bench.receive(writeReply(first, 180, "p", [CONTACT]), bench.pool);
  bench.breakDown(bench.targets[0]!);
  bench.receive(writeReply(first, 200, "p", [CONTACT]).text.replace(/^CSeq: 1/m, "CSeq: 4711"), bench.pool);
  const asked = bench.sent.filter(({ message }) => message.start.startsWith("INVITE"));
  t.same(
    asked.map(({ flow }) => flow.remoteAddress),
    ["10.0.2.1", "10.0.2.2"],
  );
});
