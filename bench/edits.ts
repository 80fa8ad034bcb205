import { accessTo } from "../test/redis/access.ts";
import { DURABLE, RedisServer } from "../test/redis/redis-server.ts";
import { agreed, move, POOL_A, POOL_B, ROOMS, runs, storeOf, twoRows } from "../test/redis/scene.ts";
import { type Edit, propagation, SHARED, storm } from "../test/redis/storm.ts";
import { GatewayProcess } from "../test/support/gateway.ts";

/**
 * Two gateways on one Redis that writes each change to disk: how long edits take to be in force on both, first one edit
 * at a time, then many by four writers at once. EDITS (1000) is how many these make, QUIET (200) how many come alone.
 * Ends with status 1 when an edit was lost or the gateways do not agree.
 */

const EDITS = Number(process.env["EDITS"] ?? 1000);
const QUIET = Number(process.env["QUIET"] ?? 200);

const undo: (() => unknown)[] = [];
const t = { teardown: (work: () => unknown) => void undo.unshift(work) };
try {
  const server = await RedisServer.start(t, ...DURABLE);
  const settings = { store: { kind: "redis", url: `redis://127.0.0.1:${server.port}` } };
  const gateways = [await GatewayProcess.start(t, { settings }), await GatewayProcess.start(t, { settings })];
  const store = storeOf(t, accessTo(server));
  await store.load();

  await twoRows(store);
  const alone: Edit[] = [];
  for (let i = 0; i < QUIET; i++) {
    const { revision } = await move(store, ROOMS, i % 2 === 0 ? POOL_B : POOL_A);
    alone.push({ revision, answeredAt: Date.now() });
    await Promise.all(gateways.map((gateway) => runs(gateway, revision)));
  }
  await tell("one edit at a time", alone);

  const start = performance.now();
  const { edits, lostRaces } = await storm(
    [1, 2, 3, 4].map(() => storeOf(t, accessTo(server))),
    EDITS,
  );
  const seconds = (performance.now() - start) / 1000;
  const newest = QUIET + EDITS + 2;
  const agreeing = await agreed(store, 2, newest);
  await tell("four writers at once", edits);
  console.log(`${EDITS} edits in ${seconds.toFixed(1)} s, ${lostRaces} times somebody else was faster`);

  const { revision, hash, endpoints } = await store.load();
  const { faults } = await store.verifyHistory();
  const counted = endpoints.find(({ sipAddress }) => sipAddress === SHARED)?.displayName;
  const whole =
    revision === newest &&
    new Set(edits.map((edit) => edit.revision)).size === EDITS &&
    counted === String(EDITS / 2) &&
    endpoints.length === EDITS / 2 + 3 &&
    faults.length === 0 &&
    agreeing.every((gateway) => gateway.hash === hash);
  console.log(whole ? `nothing was lost; both gateways are at revision ${revision}, hash ${hash}` : "EDITS WERE LOST");
  process.exitCode = whole ? 0 : 1;

  async function tell(what: string, list: readonly Edit[]): Promise<void> {
    const all = await Promise.all(gateways.map((gateway) => propagation(store, gateway, list)));
    const delays = all.flat().sort((a, b) => a - b);
    const at = (share: number) => delays[Math.ceil(share * delays.length) - 1];
    console.log(`${what}: in force on a gateway after p50 ${at(0.5)}, p99 ${at(0.99)}, at most ${delays.at(-1)} ms`);
  }
} finally {
  for (const work of undo) await work();
}
