import t from "tap";
import { Overload, SAMPLE_MS } from "../../src/guard/overload.ts";
import { retryAfterSeconds } from "../../src/sip/capacity.ts";

const CALM = { delayMs: 1, busy: 0.3, fill: 0.01 };

function looks(overload: Overload, seconds: number, sample: Parameters<Overload["sample"]>[0]): void {
  for (let ms = 0; ms < seconds * 1000; ms += SAMPLE_MS) overload.sample(sample);
}

t.test("one long stall is no overload; a second of delay is", async (t) => {
  const overload = new Overload(400);
  looks(overload, 10, CALM);
  overload.sample({ ...CALM, delayMs: 30_000 });
  t.notOk(overload.active);
  looks(overload, 10, CALM);
  looks(overload, 2, { ...CALM, delayMs: 800 });
  t.ok(overload.share < 0.5, `${overload.share}`);
  t.notOk(overload.severe);
});

t.test("a loop without rest and a table that fills up are overload; work without end is not", async (t) => {
  for (const [sample, active] of [
    [{ ...CALM, busy: 0.97 }, false],
    [{ ...CALM, busy: 1 }, true],
    [{ ...CALM, fill: 0.79 }, false],
    [{ ...CALM, fill: 0.81 }, true],
  ] as const) {
    const overload = new Overload(400);
    looks(overload, 60, sample);
    t.equal(overload.active, active, JSON.stringify(sample));
    t.notOk(overload.severe);
  }
  const full = new Overload(400);
  full.sample({ ...CALM, fill: 1 });
  t.ok(full.severe, "requests in dialogs are refused only when nothing is left");
});

t.test("after an outage all are let in again bit by bit, within about ten seconds", async (t) => {
  const overload = new Overload(400);
  looks(overload, 20, { ...CALM, delayMs: 2000 });
  t.ok(overload.severe);
  t.ok(overload.share > 0 && overload.share <= 0.02, "somebody is always let in");
  looks(overload, 5, CALM);
  t.ok(overload.share > 0.2 && overload.share < 0.6, `${overload.share}`);
  t.notOk(overload.severe);
  looks(overload, 8, CALM);
  t.notOk(overload.active);
});

t.test("a repeated request fares as it did before, and the share is kept", async (t) => {
  const overload = new Overload(400);
  looks(overload, 1.8, { ...CALM, fill: 0.9 });
  const { share } = overload;
  let admitted = 0;
  for (let i = 0; i < 10_000; i++) {
    const hash = Math.imul(i, 0x9e3779b1) >>> 0;
    const first = overload.admits(hash);
    if (first) admitted++;
    if (overload.admits(hash) !== first) t.fail("asked twice, two answers");
  }
  t.ok(Math.abs(admitted / 10_000 - share) < 0.02, `${admitted} of 10000 at a share of ${share}`);
});

t.test("a crowd twice as large as what can be served leaves nine tenths of the capacity in use", async (t) => {
  // Calls per look that the server can do, those that wait, and what comes in.
  const capacity = 100;
  const overload = new Overload(400);
  let waiting = 0;
  let served = 0;
  const looksTaken = 1500;
  for (let look = 0; look < looksTaken; look++) {
    waiting += 2 * capacity * overload.share;
    const done = Math.min(waiting, capacity);
    waiting -= done;
    served += done;
    overload.sample({ delayMs: (waiting / capacity) * SAMPLE_MS, busy: done / capacity, fill: 0 });
  }
  t.ok(served > 0.9 * capacity * looksTaken, `${Math.round((100 * served) / (capacity * looksTaken))} %`);
  t.ok(waiting < 10 * capacity, `and nobody waits longer than 2 s (${waiting} wait)`);
});

t.test("Retry-After is spread over 5 to 30 seconds", async (t) => {
  const seen = new Set<number>();
  for (let i = 0; i < 5000; i++) seen.add(retryAfterSeconds(Math.imul(i, 0x9e3779b1) >>> 0));
  t.same(
    [...seen].sort((a, b) => a - b),
    Array.from({ length: 26 }, (_, i) => i + 5),
  );
});
