import t from "tap";
import { SimBench } from "../support/sim-bench.ts";
import { type SimMessage, writeMessage, writeReply } from "../support/sim-message.ts";
import { hopByHop } from "../support/sim-transactions.ts";

const VIA = { udp: "SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bKfe1", tcp: "SIP/2.0/TCP 10.0.0.1:5060;branch=z9hG4bKfe1" };
const CONTACT = "Contact: <sip:10.0.2.1:5060>";

function request(method: string, via = VIA.udp, to = "<sip:ocschat@contoso.com>"): SimMessage {
  return writeMessage([
    `${method} sip:ocschat@contoso.com SIP/2.0`,
    `Via: ${via}`,
    "Via: SIP/2.0/tls 10.1.4.23:50312",
    "From: <sip:alice@contoso.com>;tag=a",
    `To: ${to}`,
    "Max-Forwards: 70",
    `CSeq: 1 ${method}`,
    "Call-ID: c1",
    "Contact: <sip:alice@10.0.0.1:5060>",
  ]);
}

/** A bench on which a request has just been forwarded to the pool, at 0 ms. */
function forwarded(
  method: string,
  inbound: "udp" | "tcp" = "udp",
  outbound: "udp" | "tcp" = "udp",
): { bench: SimBench; asked: SimMessage; copy: SimMessage } {
  const bench = new SimBench(inbound, outbound);
  const asked = request(method, VIA[inbound]);
  bench.receive(asked, bench.caller);
  return { bench, asked, copy: bench.last(method) };
}

const HALVING_A = [0, 500, 1500, 3500, 7500, 15_500, 31_500];
const CAPPED = [0, 500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500];
const NOTHING = { serverTransactions: 0, clientTransactions: 0, timers: 0, queries: 0 };

t.test(
  "Timer A: an INVITE over UDP is repeated after T1, then at doubled intervals (RFC 3261 §17.1.1.2)",
  async (t) => {
    const { bench } = forwarded("INVITE");
    bench.runTo(40_000);
    t.same(bench.times("INVITE"), HALVING_A);
    t.equal(
      new Set(bench.sent.filter((s) => s.message.method === "INVITE" && s.message.isRequest).map((s) => s.message.text))
        .size,
      1,
    );
  },
);

t.test("Timer A: a provisional response ends the repetition (RFC 3261 §17.1.1.2)", async (t) => {
  const { bench, copy } = forwarded("INVITE");
  bench.runTo(600);
  bench.receive(writeReply(copy, 100, ""), bench.pool);
  bench.runTo(100_000);
  t.same(bench.times("INVITE"), [0, 500]);
});

t.test("Timer A: an INVITE over TCP is sent once (RFC 3261 §17.1.1.2)", async (t) => {
  const { bench } = forwarded("INVITE", "udp", "tcp");
  bench.runTo(40_000);
  t.same(bench.times("INVITE"), [0]);
});

for (const transport of ["udp", "tcp"] as const) {
  t.test(
    `Timer B: an INVITE over ${transport} that nobody answers fails after 64·T1 (RFC 3261 §17.1.1.2)`,
    async (t) => {
      const { bench } = forwarded("INVITE", "udp", transport);
      bench.runTo(31_999);
      t.same(bench.times("SIP/2.0 408"), []);
      bench.runTo(32_000);
      t.same(bench.times("SIP/2.0 408"), [32_000]);
      t.equal(bench.core.load.clientTransactions, 0);
    },
  );
}

t.test("Timer B: after a provisional response an INVITE may take longer than 64·T1 (RFC 3261 §17.1.1.2)", async (t) => {
  const { bench, copy, asked } = forwarded("INVITE");
  bench.receive(writeReply(copy, 180, "p"), bench.pool);
  bench.runTo(60_000);
  bench.receive(writeReply(copy, 200, "p", [CONTACT]), bench.pool);
  t.same(bench.times("SIP/2.0 200"), [60_000]);
  t.equal(bench.last("SIP/2.0 200").vias.length, asked.vias.length);
});

t.test(
  "Timer C: an INVITE that rings is cancelled 181 s after its last provisional response (RFC 3261 §16.8)",
  async (t) => {
    const { bench, copy } = forwarded("INVITE");
    bench.receive(writeReply(copy, 180, "p"), bench.pool);
    bench.runTo(100_000);
    bench.receive(writeReply(copy, 180, "p"), bench.pool);
    bench.runTo(280_999);
    t.same(bench.times("CANCEL"), []);
    bench.runTo(281_000);
    t.same(bench.times("CANCEL"), [281_000]);
  },
);

t.test("Timer C: a 100 does not start it anew (RFC 3261 §16.7 step 2)", async (t) => {
  const { bench, copy } = forwarded("INVITE");
  bench.runTo(20_000);
  bench.receive(writeReply(copy, 100, ""), bench.pool);
  bench.runTo(181_000);
  t.same(bench.times("CANCEL"), [181_000]);
});

t.test("an INVITE whose CANCEL leads to nothing is given up 64·T1 after it (RFC 3261 §9.1)", async (t) => {
  const { bench, copy } = forwarded("INVITE");
  bench.receive(writeReply(copy, 100, ""), bench.pool);
  bench.runTo(1000);
  bench.receive(hopByHop(request("INVITE"), "CANCEL", "<sip:ocschat@contoso.com>"), bench.caller);
  bench.receive(writeReply(bench.last("CANCEL"), 200, "p"), bench.pool);
  bench.runTo(32_999);
  t.same(bench.times("SIP/2.0 487"), []);
  bench.runTo(33_000);
  t.same(bench.times("SIP/2.0 487"), [33_000]);
});

t.test("Timer D: a repeated failure is acknowledged again for 64·T1 over UDP (RFC 3261 §17.1.1.2)", async (t) => {
  const { bench, copy } = forwarded("INVITE");
  const busy = writeReply(copy, 486, "p");
  for (const at of [0, 500, 31_999, 32_000]) {
    bench.runTo(at);
    bench.receive(busy, bench.pool);
  }
  const acks = bench.sent.filter(({ message, flow }) => message.method === "ACK" && flow === bench.pool);
  t.same(
    acks.map(({ at }) => at),
    [0, 500, 31_999],
  );
  t.equal(new Set(acks.map(({ message }) => message.text)).size, 1, "with the same bytes");
});

t.test("Timer D is zero over TCP (RFC 3261 §17.1.1.2)", async (t) => {
  const { bench, copy } = forwarded("INVITE", "udp", "tcp");
  bench.receive(writeReply(copy, 486, "p"), bench.pool);
  t.equal(bench.core.load.clientTransactions, 0);
  t.same(bench.times("ACK"), [0]);
});

t.test(
  "the ACK of a failure takes its To from the response and all else from the INVITE (RFC 3261 §17.1.1.3)",
  async (t) => {
    const { bench, copy } = forwarded("INVITE");
    bench.receive(writeReply(copy, 486, "p"), bench.pool);
    const ack = bench.last("ACK");
    t.equal(ack.to, "<sip:ocschat@contoso.com>;tag=p");
    t.same([ack.requestUri, ack.from, ack.callId, ack.cseq], [copy.requestUri, copy.from, copy.callId, copy.cseq]);
    t.same(
      ack.vias.map((via) => via.text),
      [copy.vias[0]!.text],
    );
  },
);

t.test("Timer E: a non-INVITE over UDP is repeated at doubled intervals up to T2 (RFC 3261 §17.1.2.2)", async (t) => {
  const { bench } = forwarded("INFO");
  bench.runTo(40_000);
  t.same(bench.times("INFO"), CAPPED);
});

t.test("Timer E: after a provisional response it is T2 (RFC 3261 §17.1.2.2)", async (t) => {
  const { bench, copy } = forwarded("INFO");
  bench.runTo(600);
  bench.receive(writeReply(copy, 100, ""), bench.pool);
  bench.runTo(40_000);
  t.same(bench.times("INFO"), [0, 500, 1500, 5500, 9500, 13_500, 17_500, 21_500, 25_500, 29_500]);
});

t.test("Timer E: a non-INVITE over TCP is sent once (RFC 3261 §17.1.2.2)", async (t) => {
  const { bench } = forwarded("INFO", "udp", "tcp");
  bench.runTo(40_000);
  t.same(bench.times("INFO"), [0]);
});

for (const transport of ["udp", "tcp"] as const) {
  t.test(
    `Timer F: a non-INVITE over ${transport} is given up after 64·T1, without a 408 (RFC 4320 §4.2)`,
    async (t) => {
      const { bench } = forwarded("INFO", "tcp", transport);
      bench.runTo(31_999);
      t.equal(bench.core.load.clientTransactions, 1);
      bench.runTo(32_000);
      t.equal(bench.core.load.clientTransactions, 0);
      bench.runTo(100_000);
      t.same(bench.times("SIP/2.0 4"), []);
      t.same(bench.core.load, NOTHING);
    },
  );
}

t.test("Timer F goes on after a provisional response (RFC 3261 §17.1.2.2)", async (t) => {
  const { bench, copy } = forwarded("INFO", "tcp", "tcp");
  bench.receive(writeReply(copy, 100, ""), bench.pool);
  bench.runTo(32_000);
  t.equal(bench.core.load.clientTransactions, 0);
});

t.test("Timer G: a failure over UDP is repeated at doubled intervals up to T2 (RFC 3261 §17.2.1)", async (t) => {
  const { bench, copy } = forwarded("INVITE");
  bench.receive(writeReply(copy, 486, "p"), bench.pool);
  bench.runTo(40_000);
  t.same(bench.times("SIP/2.0 486"), CAPPED);
});

t.test("Timer G: the ACK ends the repetition (RFC 3261 §17.2.1)", async (t) => {
  const { bench, copy, asked } = forwarded("INVITE");
  bench.receive(writeReply(copy, 486, "p"), bench.pool);
  bench.runTo(1600);
  bench.receive(hopByHop(asked, "ACK", bench.last("SIP/2.0 486").to), bench.caller);
  bench.runTo(40_000);
  t.same(bench.times("SIP/2.0 486"), [0, 500, 1500]);
});

t.test("Timer G does not run over TCP (RFC 3261 §17.2.1)", async (t) => {
  const { bench, copy } = forwarded("INVITE", "tcp");
  bench.receive(writeReply(copy, 486, "p"), bench.pool);
  bench.runTo(40_000);
  t.same(bench.times("SIP/2.0 486"), [0]);
});

for (const transport of ["udp", "tcp"] as const) {
  t.test(`Timer H: over ${transport} the ACK of a failure is awaited for 64·T1 (RFC 3261 §17.2.1)`, async (t) => {
    const { bench, copy } = forwarded("INVITE", transport);
    bench.runTo(1000);
    bench.receive(writeReply(copy, 486, "p"), bench.pool);
    bench.runTo(32_999);
    t.equal(bench.core.load.serverTransactions, 1);
    bench.runTo(33_000);
    t.equal(bench.core.load.serverTransactions, 0);
  });
}

t.test("Timer I: over UDP repeated ACKs are absorbed for T4 (RFC 3261 §17.2.1)", async (t) => {
  const { bench, copy, asked } = forwarded("INVITE");
  bench.receive(writeReply(copy, 486, "p"), bench.pool);
  const ack = hopByHop(asked, "ACK", bench.last("SIP/2.0 486").to);
  for (const at of [100, 5099]) {
    bench.runTo(at);
    bench.receive(ack, bench.caller);
    t.equal(bench.core.load.serverTransactions, 1);
  }
  bench.runTo(5100);
  t.equal(bench.core.load.serverTransactions, 0);
  t.same(bench.times("ACK"), [0], "only our own ACK went to the pool");
});

t.test("Timer I is zero over TCP (RFC 3261 §17.2.1)", async (t) => {
  const { bench, copy, asked } = forwarded("INVITE", "tcp");
  bench.receive(writeReply(copy, 486, "p"), bench.pool);
  bench.receive(hopByHop(asked, "ACK", bench.last("SIP/2.0 486").to), bench.caller);
  t.equal(bench.core.load.serverTransactions, 0);
});

t.test("Timer J: over UDP a repeated non-INVITE gets its answer again for 64·T1 (RFC 3261 §17.2.2)", async (t) => {
  const { bench, copy, asked } = forwarded("INFO");
  bench.runTo(100);
  bench.receive(writeReply(copy, 200, "p"), bench.pool);
  for (const at of [500, 32_099]) {
    bench.runTo(at);
    bench.receive(asked, bench.caller);
  }
  t.same(bench.times("SIP/2.0 200"), [100, 500, 32_099]);
  t.same(bench.times("INFO"), [0], "and is not forwarded again");
  bench.runTo(32_100);
  t.same(bench.core.load, NOTHING);
});

t.test("Timer J is zero over TCP (RFC 3261 §17.2.2)", async (t) => {
  const { bench, copy } = forwarded("INFO", "tcp", "tcp");
  bench.receive(writeReply(copy, 200, "p"), bench.pool);
  t.same(bench.core.load, NOTHING);
});

t.test("Timer K: over UDP a repeated answer to a non-INVITE is absorbed for T4 (RFC 3261 §17.1.2.2)", async (t) => {
  const { bench, copy } = forwarded("INFO");
  const answer = writeReply(copy, 200, "p");
  bench.receive(answer, bench.pool);
  bench.runTo(4999);
  bench.receive(answer, bench.pool);
  t.equal(bench.core.load.clientTransactions, 1);
  bench.runTo(5000);
  t.equal(bench.core.load.clientTransactions, 0);
  t.same(bench.times("SIP/2.0 200"), [0]);
});

t.test("Timer K is zero over TCP (RFC 3261 §17.1.2.2)", async (t) => {
  const { bench, copy } = forwarded("INFO", "udp", "tcp");
  bench.receive(writeReply(copy, 200, "p"), bench.pool);
  t.equal(bench.core.load.clientTransactions, 0);
});

for (const transport of ["udp", "tcp"] as const) {
  t.test(`Timer L: an accepted INVITE over ${transport} is absorbed for 64·T1 (RFC 6026 §7.1)`, async (t) => {
    const { bench, copy, asked } = forwarded("INVITE", transport);
    bench.runTo(100);
    bench.receive(writeReply(copy, 200, "p", [CONTACT]), bench.pool);
    bench.runTo(32_099);
    bench.receive(asked, bench.caller);
    t.same(bench.times("INVITE"), [0], "not forwarded again");
    t.same(bench.times("SIP/2.0 200"), [100], "and not answered again: the 2xx is the pool's to repeat");
    t.equal(bench.core.load.serverTransactions, 1);
    bench.runTo(32_100);
    t.equal(bench.core.load.serverTransactions, 0);
  });

  t.test(`Timer M: each 2xx of an INVITE over ${transport} is passed on for 64·T1 (RFC 6026 §7.2)`, async (t) => {
    const { bench, copy } = forwarded("INVITE", "udp", transport);
    bench.runTo(100);
    const accepted = writeReply(copy, 200, "p", [CONTACT]);
    for (const at of [100, 600, 32_099, 32_100]) {
      bench.runTo(at);
      bench.receive(accepted, bench.pool);
    }
    t.same(bench.times("SIP/2.0 200"), [100, 600, 32_099]);
    t.same(bench.core.load, NOTHING);
  });
}

t.test("a second 2xx with another To tag is passed on too (RFC 6026 §7.1, RFC 3261 §16.7 step 5)", async (t) => {
  const { bench, copy } = forwarded("INVITE");
  bench.receive(writeReply(copy, 200, "p", [CONTACT]), bench.pool);
  bench.receive(writeReply(copy, 200, "q", [CONTACT]), bench.pool);
  t.same(
    bench.sent.filter(({ message }) => message.status === 200).map(({ message }) => message.toTag),
    ["p", "q"],
  );
});

t.test(
  "an INVITE is answered 100 at once, and a repeated one with the latest response (RFC 3261 §17.2.1)",
  async (t) => {
    const { bench, copy, asked } = forwarded("INVITE");
    t.same(bench.times("SIP/2.0 100"), [0]);
    bench.runTo(500);
    bench.receive(asked, bench.caller);
    t.same(bench.times("SIP/2.0 100"), [0, 500]);
    bench.receive(writeReply(copy, 183, "p"), bench.pool);
    bench.runTo(1500);
    bench.receive(asked, bench.caller);
    t.same(bench.times("SIP/2.0 183"), [500, 1500]);
    t.same(bench.times("INVITE"), [0, 500], "the copies are our own repetition, not the caller's");
  },
);

t.test("a repeated INVITE gets its failure again (RFC 3261 §17.2.1)", async (t) => {
  const { bench, copy, asked } = forwarded("INVITE");
  bench.receive(writeReply(copy, 486, "p"), bench.pool);
  bench.runTo(100);
  bench.receive(asked, bench.caller);
  t.same(bench.times("SIP/2.0 486"), [0, 100]);
});

t.test("a non-INVITE gets a 100 after 3.5 s, no earlier, and once (RFC 4320 §4.1)", async (t) => {
  const { bench, asked, copy } = forwarded("INFO");
  bench.runTo(500);
  bench.receive(asked, bench.caller);
  bench.receive(writeReply(copy, 100, ""), bench.pool);
  bench.runTo(20_000);
  t.same(bench.times("SIP/2.0 1"), [3500]);
});

t.test("a response whose branch or method is not that of a transaction is dropped (RFC 3261 §17.1.3)", async (t) => {
  const { bench, copy } = forwarded("INVITE");
  const count = bench.sent.length;
  bench.receive(writeReply(copy, 200, "p").text.replace("CSeq: 1 INVITE", "CSeq: 1 INFO"), bench.pool);
  bench.receive(writeReply(copy, 200, "p").text.replace(/branch=[^;\r]*/, "branch=z9hG4bKother"), bench.pool);
  t.equal(bench.sent.length, count);
  t.equal(bench.events.filter((event) => event.type === "dropped").length, 2);
});

t.test(
  "without a branch, requests of two dialogs are two transactions: the To tag counts (RFC 3261 §17.2.3)",
  async (t) => {
    const bench = new SimBench("udp", "udp");
    for (const tag of ["p", "q"]) {
      bench.receive(request("BYE", "SIP/2.0/UDP 10.0.0.1:5060", `<sip:ocschat@contoso.com>;tag=${tag}`), bench.caller);
    }
    t.same(
      bench.sent.map(({ message }) => message.toTag),
      ["p", "q"],
    );
  },
);

t.test("without a branch, the ACK of a failure is matched by the top Via alone (RFC 3261 §17.2.3)", async (t) => {
  const bench = new SimBench("tcp", "udp");
  const top = "SIP/2.0/TCP 10.0.0.1:5060";
  const asked = request("INVITE", `${top}, SIP/2.0/TCP 10.1.1.1:5060`);
  bench.receive(asked, bench.caller);
  bench.receive(writeReply(bench.last("INVITE"), 486, "p"), bench.pool);
  bench.receive(hopByHop(asked, "ACK", bench.last("SIP/2.0 486").to), bench.caller);
  t.equal(bench.core.load.serverTransactions, 0);
});
