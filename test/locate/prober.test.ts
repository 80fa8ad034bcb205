import t from "tap";
import { Health } from "../../src/locate/health.ts";
import type { Outcome } from "../../src/locate/health-state.ts";
import { type Probe, Prober } from "../../src/locate/prober.ts";
import type { Target } from "../../src/sip/flow.ts";

const A: Target = { transport: "udp", address: "10.1.2.1", port: 5060, host: "pool.test" };
const B: Target = { ...A, address: "10.1.2.2" };

/** A prober in virtual time, with a sender that notes what it is to send. */
function world(settings: { downAfter?: number } = {}) {
  let now = 0;
  const timers = new Set<{ readonly at: number; readonly act: () => void }>();
  const sent: { readonly at: number; readonly probe: Probe; readonly done: (outcome: Outcome) => void }[] = [];
  const health = new Health({ downAfter: 2, ...settings });
  const prober = new Prober(
    health,
    { probe: (probe, done) => sent.push({ at: now, probe, done }) },
    { intervalSeconds: 10, timeoutMs: 1500 },
    {
      clock: () => now,
      random: () => 0.5,
      after: (ms, act) => {
        const timer = { at: now + ms, act };
        timers.add(timer);
        return () => timers.delete(timer);
      },
    },
  );
  const run = (until: number): void => {
    for (;;) {
      const next = [...timers].sort((a, b) => a.at - b.at)[0];
      if (next === undefined || next.at > until) break;
      timers.delete(next);
      now = next.at;
      next.act();
    }
    now = until;
  };
  return { health, prober, sent, run, timers, state: () => health.describe(now)[0]?.observed };
}

t.test("each address is probed in its rhythm, with a short time to answer", async (t) => {
  const { prober, sent, run } = world();
  prober.watch([A, B]);
  run(30_000);
  t.same(
    sent.filter(({ probe }) => probe.target === A).map(({ at }) => at),
    [5000, 14_500, 24_000],
  );
  t.equal(sent.length, 6);
  t.same(sent[0]!.probe, { target: A, timeoutMs: 1500 });
});

t.test("a dead server is noticed after the probes' own time, not after Timer F", async (t) => {
  const { prober, run, state } = world();
  prober.watch([A]);
  run(15_999);
  t.equal(state(), "up");
  run(16_000);
  t.equal(state(), "down");
});

t.test("an answer after its time does not count", async (t) => {
  const { prober, sent, run, state } = world({ downAfter: 1 });
  prober.watch([A]);
  run(6500);
  t.equal(state(), "down");
  for (const { done } of sent) done({ kind: "answered" });
  run(13_000);
  for (const { done } of sent) done({ kind: "answered" });
  t.equal(state(), "down");
});

t.test("to watch the same again changes no rhythm; what is gone is no longer probed", async (t) => {
  const { prober, sent, run, timers } = world();
  prober.watch([A, B]);
  run(4000);
  prober.watch([A]);
  run(5000);
  t.same(
    sent.map(({ at, probe }) => [at, probe.target]),
    [[5000, A]],
  );
  prober.close();
  run(100_000);
  t.equal(sent.length, 1);
  t.equal(timers.size, 0);
});
