import t from "tap";
import type { Flow } from "../../src/sip/flow.ts";
import { KeptAnswers } from "../../src/sip/transaction/kept-answers.ts";
import { KeyHash } from "../../src/sip/transaction/key-hash.ts";
import { SimBench } from "../support/sim-bench.ts";
import { writeMessage, writeReply } from "../support/sim-message.ts";

const FLOW = { remoteAddress: "10.0.0.1", remotePort: 5060 } as Flow;

function keeper(lifetime = 32_000) {
  const hashes = new KeyHash(7);
  const kept = new KeptAnswers(lifetime, hashes);
  const again = (key: string): string | undefined => {
    const found = kept.get(key);
    return found === undefined || found.flow === FLOW ? found?.text : "on another flow";
  };
  return {
    kept,
    again,
    keep: (key: string, text: string, now: number) =>
      kept.keep({ key, text, flow: FLOW, weight: text.length }, now, hashes.of(key)),
  };
}

t.test("an answer is given again for its whole lifetime, and then no more", async (t) => {
  const { kept, keep, again } = keeper();
  t.equal(kept.nextDue, Number.POSITIVE_INFINITY);
  keep("a", "SIP/2.0 200 OK\r\nX: \xe4\r\n\r\n", 100);
  t.equal(kept.nextDue, 32_100);
  const weights: number[] = [];
  kept.expire(32_099, (weight) => weights.push(weight));
  t.equal(again("a"), "SIP/2.0 200 OK\r\nX: \xe4\r\n\r\n");
  t.equal(again("b"), undefined);
  kept.expire(32_100, (weight) => weights.push(weight));
  t.equal(again("a"), undefined);
  t.same([weights, kept.size, kept.nextDue], [[24], 0, Number.POSITIVE_INFINITY]);
});

t.test("many are kept at once: each is found while the ring turns and grows and chunks are given up", async (t) => {
  const { kept, keep, again } = keeper(1000);
  const text = (i: number): string => `answer ${i} `.padEnd(40 + (i % 700), "x");
  let ended = 0;
  let wrong = 0;
  for (let i = 0; i < 12_000; i++) {
    // At first more come than go, so that the ring grows while it is turned.
    const now = i < 4000 ? i / 4 : 1000 + (i - 4000) / 2;
    kept.expire(now, (weight) => {
      if (weight !== text(ended).length) wrong++;
      ended++;
    });
    if (!keep(`z9hG4bK${i} 10.0.0.1:5060 INFO`, text(i), now)) wrong++;
    const old = ended + ((i * 7919) % (i + 1 - ended));
    if (again(`z9hG4bK${old} 10.0.0.1:5060 INFO`) !== text(old)) wrong++;
    if (ended > 0 && kept.has(`z9hG4bK${ended - 1} 10.0.0.1:5060 INFO`)) wrong++;
  }
  t.equal(wrong, 0);
  t.ok(ended > 7000);
  t.equal(kept.size, 12_000 - ended);
});

t.test(
  "what does not fit stays a transaction like others: the answer to a request with an endless branch",
  async (t) => {
    const { kept, keep } = keeper();
    t.equal(keep("k".repeat(5000), "x", 0), false);
    t.equal(kept.size, 0);
    const bench = new SimBench("udp", "udp");
    const asked = writeMessage([
      "INFO sip:ocschat@contoso.com SIP/2.0",
      `Via: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK${"k".repeat(5000)}`,
      "From: <sip:alice@contoso.com>;tag=a",
      "To: <sip:ocschat@contoso.com>",
      "Max-Forwards: 70",
      "CSeq: 1 INFO",
      "Call-ID: c1",
    ]);
    bench.receive(asked, bench.caller);
    bench.receive(writeReply(bench.last("INFO"), 200, "p"), bench.pool);
    bench.runTo(31_999);
    bench.receive(asked, bench.caller);
    t.same(bench.times("SIP/2.0 200"), [0, 31_999]);
    bench.runTo(32_000);
    t.equal(bench.core.load.serverTransactions, 0);
  },
);
