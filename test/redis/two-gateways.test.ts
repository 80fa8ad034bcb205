import t from "tap";
import { hashOf } from "../../src/endpoints/table-hash.ts";
import { Place } from "../cli/place.ts";
import { eventually } from "../support/eventually.ts";
import { GatewayProcess } from "../support/gateway.ts";
import { accessTo } from "./access.ts";
import { RedisServer } from "./redis-server.ts";
import { agreed, move, POOL_A, POOL_B, ROOMS, runs, storeOf, twoRows } from "./scene.ts";
import { propagation, SHARED, storm } from "./storm.ts";

// Two gateways on one Redis.

const EDITS = 80;
const server = await RedisServer.start(t);
const settings = { store: { kind: "redis", url: `redis://127.0.0.1:${server.port}` } };
const first = await GatewayProcess.start(t, { settings });
const second = await GatewayProcess.start(t, { settings });
const store = storeOf(t, accessTo(server));

await t.test("edits by four writers at once: none is lost, and both gateways end on one table", async (t) => {
  const { edits, lostRaces } = await storm(
    [1, 2, 3, 4].map(() => storeOf(t, accessTo(server))),
    EDITS,
  );
  t.same(
    edits.map(({ revision }) => revision).sort((a, b) => a - b),
    Array.from({ length: EDITS }, (_, i) => i + 2),
    "each edit is a revision of its own",
  );
  t.ok(lostRaces > 0, "writers did get into each other's way");
  const { endpoints, hash } = await store.load();
  t.equal(endpoints.length, 1 + EDITS / 2);
  t.equal(endpoints.find(({ sipAddress }) => sipAddress === SHARED)?.displayName, String(EDITS / 2));
  t.equal(hash, hashOf(endpoints));
  t.match(await store.verifyHistory(), { newest: 1 + EDITS, faults: [] });
  const gateways = await agreed(store, 2, 1 + EDITS);
  t.same(new Set(gateways.map((gateway) => gateway.hash)), new Set([hash]));
  for (const gateway of [first, second]) {
    const delays = await propagation(store, gateway, edits);
    t.ok(
      delays.every((ms) => ms >= 0),
      "every revision was in force, none before it was made",
    );
  }
});

const commands = new Place(first.directory);
const set = (pool: string) => commands.waypost(["endpoint", "set", ROOMS, "--pool", pool, "--wait", "2"]);
const nameOf = (gateway: typeof first) => new RegExp(`\\S+:${gateway.listener("udp").port}`);

await t.test("status and --wait tell of both", async (t) => {
  await twoRows(store);
  t.match(await set(POOL_B), { status: 0, err: /is in force on \S+:\d+, \S+:\d+\n/ });
  await agreed(store, 2, EDITS + 3);
  const { status, out } = await commands.waypost(["status"]);
  t.equal(status, 0);
  t.match(out, new RegExp(`store +redis redis:.*: ok\ntable +revision ${EDITS + 3}, ${EDITS / 2 + 3} endpoints`));
  for (const gateway of [first, second]) t.match(out, new RegExp(`${nameOf(gateway).source} +current +${EDITS + 3} `));
});

await t.test("a gateway that is paused does not follow, and is named", async (t) => {
  second.killAll("SIGSTOP");
  const waited = await set(POOL_A);
  t.match(waited, { status: 2, err: /revision \d+ is stored, but after 2 s not in force everywhere: / });
  t.match(waited.err, nameOf(second));
  t.notMatch(waited.err, nameOf(first), "the other one is not blamed");
  const { status, out } = await commands.waypost(["status"]);
  t.equal(status, 1);
  t.match(out, new RegExp(`${nameOf(second).source} +behind `));
  t.match(out, new RegExp(`${nameOf(first).source} +current `));
  second.killAll("SIGCONT");
  await runs(second, EDITS + 4);
  await agreed(store, 2, EDITS + 4);
});

await t.test("a gateway that was killed counts as silent, and nobody waits for it", async (t) => {
  second.killAll("SIGKILL");
  await second.ended();
  const stillListed = await set(POOL_B);
  t.match(stillListed, { status: 2 }, "it may have been but slow so far");
  t.match(stillListed.err, nameOf(second));
  // What time would do: Redis drops the sign of life of a gateway after 16 s without a report.
  const redis = server.client(t);
  const [sign] = (await redis.keys(`{waypost}:gateway:*:${second.listener("udp").port}`)) as [string];
  const left = await redis.pttl(sign);
  t.ok(left > 0 && left <= 16_000, `${left} ms left`);
  await redis.pexpire(sign, 1);
  await eventually("its sign of life to go", async () => (await redis.exists(sign)) === 0 || undefined);
  const waited = await set(POOL_A);
  t.match(waited, { status: 0 });
  t.match(
    waited.err,
    new RegExp(`in force on ${nameOf(first).source}; not heard of: ${nameOf(second).source} since 20`),
  );
  t.match((await commands.waypost(["status"])).out, new RegExp(`${nameOf(second).source} +silent `));
});

await t.test("a gateway that is stopped signs off", async (t) => {
  await first.stop();
  t.same(
    (await store.gateways()).filter(({ live }) => live),
    [],
  );
  t.match(await set(POOL_B), { status: 2, err: /not in force everywhere: no gateway is running/ });
  await move(store, ROOMS, POOL_A);
});
