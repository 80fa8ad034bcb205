import type { Test } from "tap";
import { DNS_LIES } from "./sim-directory.ts";
import { ODDITIES } from "./sim-pool.ts";
import { SimWire } from "./sim-wire.ts";
import { ACTOR_ADDRESSES, type RunResult, runSeed, runSeedOver } from "./sim-world.ts";
import { wishedUdpForm } from "./udp-form.ts";

/** What a run may meet. Each file of seeds has to meet all of it, or the simulation has gone blind. */
const FEATURES: readonly string[] = [
  // the network
  "datagram lost",
  "datagram doubled",
  "datagram overtaken",
  "connection broke",
  "connection refused",
  "connection timed out",
  "unreachable over UDP",
  "host went down",
  "flow closed under a transaction",
  "response on a new connection",
  "DNS late",
  "DNS fails",
  "DNS fails late",
  ...DNS_LIES.map((lie) => `DNS ${lie}`),
  "connection broke in a message",
  // what the table says
  "decision: proxy",
  "decision: redirect",
  "decision: reject",
  "table changed",
  "table changed all the time",
  "decided anew without a transaction",
  "gateway points at itself",
  // calls
  "call completed",
  "subscription completed",
  "message completed",
  "call: stray BYE",
  "top Via without branch",
  "two Record-Routes",
  "ACK of a 2xx passed on",
  "2xx never acknowledged",
  "caller that acknowledges no failure",
  "INFO of the pool answered",
  "NOTIFY of the pool answered",
  "BYE of the pool received",
  "re-INVITE accepted",
  "481 inside a dialog",
  "second 2xx",
  "second dialog hung up",
  "outcome foreseen",
  // transactions
  "request came again",
  "request repeated by us",
  "final response repeated",
  "failover",
  "2xx of a target that had been given up",
  "2xx too late to be passed on",
  "response after the end of its transaction",
  "Timer C",
  "CANCEL sent",
  "CANCEL lost the race",
  "CANCEL before there was a target",
  "CANCEL ignored by a pool",
  "after CANCEL a branch ended with 487",
  "after CANCEL a branch ended with 200",
  "after CANCEL a branch ended with 503",
  "100 to a non-INVITE (RFC 4320)",
  "non-INVITE left without an answer (RFC 4320)",
  ...[302, 303, 403, 404, 408, 480, 481, 482, 483, 487, 500].map((status) => `answered ${status} ourselves`),
  // pools that answer oddly
  ...ODDITIES.map((oddity) => `pool that ${oddity}`),
  "response that is not the request's",
  "response with a status that does not exist",
  // strangers
  "stray response",
  "message dropped",
  "stranger: ping got 200",
  "stranger: unknown got 404",
  "stranger: exhausted got 483",
  "stranger: stray CANCEL got 481",
  "stranger: relay got 481",
  "keys for Record-Route changed",
];

/**
 * Runs the seeds from `from` up to, but without, `to`. With SEED in the environment only that one is run, by the file
 * that it belongs to, and every message is printed. With TEST_UDP the gateway's datagrams go over real sockets.
 */
export async function simulate(t: Test, from: number, to: number): Promise<void> {
  const { SEED } = process.env;
  const run = await runner(t);
  if (SEED !== undefined) {
    await replay(t, run, Number(SEED), from, to);
    return;
  }
  const met = new Map(FEATURES.map((feature) => [feature, 0]));
  const failures: string[] = [];
  let failed = 0;
  for (let seed = from; seed < to; seed++) {
    const { violations, features } = await run(seed);
    for (const feature of features) met.set(feature, (met.get(feature) ?? 0) + 1);
    if (violations.length === 0) continue;
    failed++;
    if (failures.length < 20) failures.push(`SEED=${seed} ${violations[0]}`);
  }
  t.same(failures, [], `${to - from} seeds keep all rules of the wire; ${failed} do not`);
  const missed = FEATURES.filter((feature) => met.get(feature) === 0);
  t.same(missed, [], `all ${FEATURES.length} things that may happen did happen`);
}

type Run = (seed: number, tracing?: boolean) => RunResult | Promise<RunResult>;

async function runner(t: Test): Promise<Run> {
  if (wishedUdpForm === undefined) return runSeed;
  const wire = await SimWire.open(t, wishedUdpForm, ACTOR_ADDRESSES);
  return (seed, tracing) => runSeedOver(wire, seed, tracing);
}

async function replay(t: Test, run: Run, seed: number, from: number, to: number): Promise<void> {
  const beyond = from === 0 && !(seed < 10_000);
  if (!beyond && (seed < from || seed >= to)) {
    t.pass(`seed ${seed} belongs to another file`);
    return;
  }
  const { violations, features, trace } = await run(seed, true);
  for (const line of trace) t.comment(line);
  t.comment(`met: ${[...features].join(", ")}`);
  t.same(violations, [], `seed ${seed}`);
}
