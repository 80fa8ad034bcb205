import t from "tap";
import { drawFrom, srvOrder } from "../../src/locate/draw.ts";
import { srv } from "./zone.ts";

function order(records: readonly string[], seed: number): string[] {
  return srvOrder(records.map(srv), drawFrom(seed)).map((record) => record.target);
}

/** How often each target comes first in so many orders. */
function firsts(records: readonly string[], rounds: number): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (let seed = 0; seed < rounds; seed++) {
    const [first = ""] = order(records, seed * 7919);
    counts[first] = (counts[first] ?? 0) + 1;
  }
  return counts;
}

t.test("a lower priority comes first, whatever the weights (RFC 2782)", async (t) => {
  const records = ["20 65535 1 c", "10 0 1 b", "0 1 1 a"];
  for (let seed = 0; seed < 50; seed++) t.same(order(records, seed), ["a", "b", "c"]);
});

t.test("within a priority the first one is drawn in proportion to the weights (RFC 2782)", async (t) => {
  const counts = firsts(["1 60 1 a", "1 30 1 b", "1 10 1 c"], 4000);
  t.ok(Math.abs(counts["a"]! - 2400) < 200, `a: ${counts["a"]}`);
  t.ok(Math.abs(counts["b"]! - 1200) < 200, `b: ${counts["b"]}`);
  t.ok(Math.abs(counts["c"]! - 400) < 150, `c: ${counts["c"]}`);
});

t.test("a weight of 0 is seldom first beside others; where all have it, each is first as often", async (t) => {
  const beside = firsts(["1 0 1 a", "1 99 1 b"], 4000);
  t.ok(beside["a"]! > 0 && beside["a"]! < 120, `a: ${beside["a"]}`);
  t.ok(beside["b"]! > 3800);
  const alone = firsts(["1 0 1 a", "1 0 1 b", "1 0 1 c", "1 0 1 d"], 4000);
  for (const count of Object.values(alone)) t.ok(Math.abs(count - 1000) < 150, `${count} of 4000`);
});

t.test("every record appears once, also with equal ones", async (t) => {
  const records = Array.from({ length: 32 }, (_, index) => `${index % 3} ${index % 5} 5060 s${index}`);
  for (let seed = 0; seed < 20; seed++) t.equal(new Set(order(records, seed)).size, 32);
});

t.test("the same seed gives the same order, whatever order DNS gave", async (t) => {
  const records = ["1 10 1 a", "1 10 1 b", "1 10 1 c", "1 10 1 d"];
  t.same(order(records, 42), order([...records].reverse(), 42));
  t.notSame(order(records, 42), order(records, 43));
});
