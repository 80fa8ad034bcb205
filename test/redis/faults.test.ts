import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pino } from "pino";
import t from "tap";
import { loadConfig } from "../../src/config/load.ts";
import { startGateway } from "../../src/daemon.ts";
import { Place } from "../cli/place.ts";
import { eventually } from "../support/eventually.ts";
import { GatewayPlace } from "../support/gateway.ts";
import { udpEnvironment } from "../support/udp-form.ts";
import { accessTo } from "./access.ts";
import { DURABLE, RedisServer } from "./redis-server.ts";
import { Relay } from "./relay.ts";
import {
  A,
  agreed,
  B,
  loggedAfter,
  move,
  OTHER,
  POOL_A,
  POOL_B,
  ROOMS,
  runs,
  Scene,
  storeOf,
  twoRows,
} from "./scene.ts";

// One gateway reaches a real redis-server through a network that can be cut. Whatever happens to Redis, no call fails
// and none is answered from another row than its own.

const redis = await RedisServer.start(t, ...DURABLE);
const network = await Relay.start(t, redis);
const store = storeOf(t, accessTo(redis));
await twoRows(store);
const scene = await Scene.open(t);
const url = `redis://127.0.0.1:${network.port}`;
const gateway = await scene.gateway({ url, history: 10 });
const commands = new Place(gateway.directory);
const copy = join(gateway.directory, "endpoints.last-good");

/** Resolves with the copy on disk when it is of this revision: it follows a change a moment later. */
const copied = (revision: number): Promise<string> =>
  eventually(`the copy of revision ${revision}`, async () => {
    const text = await readFile(copy, "utf8");
    return text.includes(`"revision":${revision},`) ? text : undefined;
  });
const die = async (): Promise<void> => {
  await redis.kill();
  network.cut();
};
const revive = async (): Promise<void> => {
  await redis.start();
  await network.restore();
};

/** The gateway notices that its store cannot be used; calls go on meanwhile. */
const noticed = (lines: number, what: RegExp) => loggedAfter(gateway, lines, ({ msg }) => what.test(msg));
const AWAY = /store of the endpoint table is away; the last one serves/;
const REFUSED = /endpoint table was refused; the last one serves/;

await t.test("killed with kill -9 and started again with its data", async (t) => {
  const lines = gateway.log.length;
  await scene.meanwhile(t, [A], [B], async () => {
    await die();
    const { reason } = await noticed(lines, AWAY);
    t.match(reason, /^Redis redis:\/\/127\.0\.0\.1:\d+\/0 \(waypost\): the connection (is refused|was lost)/);
    const refused = await commands.waypost(["endpoint", "set", ROOMS, "--pool", POOL_B]);
    t.match(refused, { status: 1, err: /Redis redis:.*the connection.*\n.*Bring Redis back and repeat the change/ });
  });
  await revive();
  await scene.meanwhile(t, [A, B], [B], async () => runs(gateway, (await move(store, ROOMS, POOL_B)).revision));
  await scene.meanwhile(t, [B], [B], () => agreed(store, 1, 2));
  t.match(await store.verifyHistory(), { newest: 2, faults: [] }, "the refused edit is nowhere");
});

await t.test("paused, so that connections stand and nothing answers", async (t) => {
  const lines = gateway.log.length;
  await scene.meanwhile(t, [B], [B], async () => {
    redis.pause();
    const edit = t.rejects(move(store, ROOMS, POOL_A), {
      code: "STORE_UNREACHABLE",
      message: /does not answer/,
    });
    t.match((await noticed(lines, AWAY))["reason"], /does not answer/);
    await edit;
    redis.resume();
    await noticed(lines, /well again/);
  });
  t.match(await store.verifyHistory(), { newest: 2, faults: [] }, "the refused edit did not happen later");
  await scene.meanwhile(t, [A, B], [B], async () => runs(gateway, (await move(store, ROOMS, POOL_A)).revision));
  await scene.meanwhile(t, [A], [B], () => agreed(store, 1, 3));
});

await t.test("cut off while the table changed, and back: it catches up entry by entry", async (t) => {
  await scene.meanwhile(t, [A], [B], async () => {
    network.cut();
    await move(store, OTHER, POOL_A);
    await move(store, OTHER, POOL_B);
    await move(store, ROOMS, POOL_B);
  });
  await network.restore();
  await scene.meanwhile(t, [A, B], [A, B], () => runs(gateway, 6));
  await scene.meanwhile(t, [B], [B], () => agreed(store, 1, 6));
  const seen = gateway.log.filter(({ msg }) => msg === "a changed endpoint table is in force");
  t.same(
    seen.slice(-3).map(({ revision }) => revision),
    [4, 5, 6],
  );
});

await t.test("cut off for so long that the stream was trimmed: it reads the whole table", async (t) => {
  await scene.meanwhile(t, [B], [B], async () => {
    network.cut();
    for (let i = 0; i < 3; i++) await move(store, OTHER, i % 2 === 0 ? POOL_A : POOL_B);
    await move(store, ROOMS, POOL_A);
    await redis.client(t).xtrim("{waypost}:changes", "MAXLEN", 1);
  });
  await network.restore();
  await scene.meanwhile(t, [A, B], [A, B], () => runs(gateway, 10));
  await scene.meanwhile(t, [A], [A], () => agreed(store, 1, 10));
  t.equal(gateway.log.filter(({ revision }) => revision === 9).length, 0, "it went there in one step");
});

await t.test("an answer that is lost on the way: the change is found to be made, once", async (t) => {
  const through = storeOf(t, { ...accessTo(redis), server: standalone(network.port) });
  await through.load();
  let commits = 0;
  network.watch = (bytes) => (bytes.includes("XADD") && ++commits === 1 ? "drop-answer" : "pass");
  await scene.meanwhile(t, [A], [A, B], async () => {
    const { revision } = await move(through, OTHER, POOL_B);
    t.equal(revision, 11);
    t.equal(commits, 1);
    await runs(gateway, 11);
  });
  network.watch = undefined;
});

await t.test("a change that reaches Redis after its sender gave up does not happen", async (t) => {
  const through = storeOf(t, { ...accessTo(redis), server: standalone(network.port) });
  await through.load();
  network.watch = (bytes) => (bytes.includes("XADD") ? "hold" : "pass");
  await scene.meanwhile(t, [A], [B], async () => {
    await t.rejects(move(through, ROOMS, POOL_B), { code: "STORE_UNREACHABLE" });
    network.watch = undefined;
    network.release();
    t.equal((await store.load()).revision, 11);
  });
});

await t.test("restarted empty: nothing is dropped until a person has said so", async (t) => {
  const lines = gateway.log.length;
  await copied(11);
  await redis.kill();
  redis.clear();
  await redis.start();
  await scene.meanwhile(t, [A], [B], async () => {
    t.match((await noticed(lines, REFUSED))["reason"], /is suddenly empty; it had 2 endpoints at revision 11/);
    const refused = await commands.waypost(["endpoint", "set", ROOMS, "--pool", POOL_B]);
    t.match(refused, { status: 1, err: /is suddenly empty.*\n.*`waypost table restore`/ });
  });
  await scene.meanwhile(t, [A], [B], async () => {
    t.match(await commands.waypost(["table", "restore", "--reason", "the disk was lost"]), { status: 0 });
    await agreed(store, 1, 12);
  });
  t.match(await store.history(), [{ revision: 12, actor: { reason: "the disk was lost" }, differences: [] }]);
  await scene.meanwhile(t, [A, B], [B], async () => runs(gateway, (await move(store, ROOMS, POOL_B)).revision));
});

await t.test("begun anew by somebody else: the other table waits for a person's word", async (t) => {
  const lines = gateway.log.length;
  // The command that decides goes by the copy.
  await copied(13);
  await scene.meanwhile(t, [B], [B], async () => {
    await redis.client(t).flushall();
    const stranger = storeOf(t, accessTo(redis));
    await stranger.change([{ kind: "add", endpoint: { sipAddress: ROOMS, poolFqdn: POOL_A } }], {
      name: "bob",
      source: "cli",
    });
    t.match(
      (await noticed(lines, REFUSED))["reason"],
      /suddenly empty|holds another table, with 1 endpoint at revision 1/,
    );
  });
  await scene.meanwhile(t, [A, B], [B, "404"], async () => {
    t.match(await commands.waypost(["table", "accept", "--reason", "it is meant"]), { status: 0 });
    await runs(gateway, 14);
  });
  await scene.meanwhile(t, [A], ["404"], () => agreed(store, 1, 14));
});

await t.test("a gateway that starts while Redis is dead serves from its last good copy", async (t) => {
  await die();
  const second = await scene.gateway({ url, copy });
  await scene.meanwhile(t, [A], ["404"], async () => {
    const status = await new Place(second.directory).waypost(["status"]);
    t.match(status, {
      status: 1,
      out: /unreachable since .*, table of \d+ s ago: .*the connection (is refused|was lost)/,
    });
  });
  await revive();
  await scene.meanwhile(t, [A, B], ["404"], async () => {
    const { revision } = await move(store, ROOMS, POOL_B);
    await Promise.all(scene.gateways.map((each) => runs(each, revision)));
  });
  await scene.meanwhile(t, [B], ["404"], () => agreed(store, 2, 15));
});

await t.test("a damaged copy serves nobody, and says what is wrong with it", async (t) => {
  const place = await GatewayPlace.make(t, { settings: { store: { kind: "redis", url, copy: "copy" } } });
  const path = join(place.directory, "copy");
  const config = loadConfig({ file: place.configFile, env: udpEnvironment, cwd: place.directory });
  const start = () => startGateway(config, pino({ level: "silent" }));
  const good = await copied(15);
  await writeFile(path, good.replace(POOL_B, POOL_A));
  await t.test("with Redis dead the gateway does not start", async (t) => {
    network.cut();
    await t.rejects(start(), {
      message:
        /Redis .*the connection is refused.*; the last good copy cannot stand in: .*\/copy is damaged: its checksum/,
    });
    await network.restore();
  });
  await t.test("an empty Redis is no table in its place", async (t) => {
    await redis.client(t).flushall();
    await t.rejects(start(), {
      message: /is empty, though there was a table here: the last good copy .*\/copy is damaged/,
    });
    const edit = storeOf(t, accessTo(redis), path);
    await writeFile(path, good.slice(0, 20));
    await t.rejects(twoRows(edit), { code: "TABLE_SUSPICIOUS", message: /copy is damaged: it is cut off/ });
  });
});

t.ok(scene.calls > 200, `there were ${scene.calls} calls`);

function standalone(port: number) {
  return { kind: "standalone", node: { host: "127.0.0.1", port }, db: 0 } as const;
}
