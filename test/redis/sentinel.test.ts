import t from "tap";
import { eventually } from "../support/eventually.ts";
import { accessTo } from "./access.ts";
import { DURABLE, RedisServer } from "./redis-server.ts";
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

// A primary, two replicas and three Sentinels that agree by two. Whoever is primary, calls are
// answered from their rows.

const KEPT = [...DURABLE, "--min-replicas-to-write", "1"];
const servers = [await RedisServer.start(t, ...KEPT)];
const replica = () => RedisServer.start(t, ...KEPT, "--replicaof", "127.0.0.1", String(servers[0]!.port));
servers.push(...(await Promise.all([replica(), replica()])));
const sentinels = await Promise.all(
  [1, 2, 3].map(() =>
    RedisServer.startSentinel(
      t,
      `sentinel monitor chat 127.0.0.1 ${servers[0]!.port} 2`,
      "sentinel down-after-milliseconds chat 600",
      "sentinel failover-timeout chat 1500",
    ),
  ),
);
const nodes = sentinels.map(({ port }) => ({ host: "127.0.0.1", port }));
const asked = sentinels[0]!.client(t);
await eventually("Sentinels that know each other and the replica", async () => {
  const [, fields] = [0, (await asked.call("SENTINEL", "MASTER", "chat")) as string[]];
  const value = (name: string) => fields[fields.indexOf(name) + 1];
  return (value("num-other-sentinels") === "2" && value("num-slaves") === "2") || undefined;
});
const primary = (): Promise<number> =>
  asked.call("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "chat").then((address) => Number((address as string[])[1]));
const at = (port: number): RedisServer => servers.find((server) => server.port === port)!;
const othersThan = (port: number): RedisServer[] => servers.filter((server) => server.port !== port);

/** The Sentinels know of two replicas that are well, and these have all that the primary has. */
const replicated = async (): Promise<void> => {
  await eventually("replicas that the Sentinels would take", async () => {
    const replicas = (await asked.call("SENTINEL", "REPLICAS", "chat")) as string[][];
    const value = (fields: string[], name: string) => fields[fields.indexOf(name) + 1];
    const well = replicas.filter(
      (each) => value(each, "flags") === "slave" && value(each, "master-link-status") === "ok",
    );
    return well.length === 2 || undefined;
  });
  const client = at(await primary()).client(t);
  await eventually("replicas that have everything", async () => (await client.wait(2, 500)) === 2 || undefined);
  client.disconnect();
};

await replicated();
const store = storeOf(t, accessTo(servers[0]!, { server: { kind: "sentinel", name: "chat", nodes, db: 0 } }));
await twoRows(store);
const scene = await Scene.open(t);
const gateway = await scene.gateway({ sentinels: nodes.map(({ port }) => `127.0.0.1:${port}`), primary: "chat" });

await t.test("the primary is killed: the replica takes over with every change", async (t) => {
  await scene.meanwhile(t, [A, B], [B], async () => runs(gateway, (await move(store, ROOMS, POOL_B)).revision));
  await replicated();
  const dead = await primary();
  await scene.meanwhile(t, [B], [B], async () => {
    await at(dead).kill();
    await eventually("another primary", async () => (await primary()) !== dead || undefined);
  });
  await scene.meanwhile(t, [A, B], [B], async () => {
    const edit = await eventually("an edit on the new primary", () => move(store, ROOMS, POOL_A));
    t.equal(edit.revision, 3, "nothing before it was lost");
    await runs(gateway, 3);
  });
  await scene.meanwhile(t, [A], [B], () => agreed(store, 1, 3));
  t.match(await store.verifyHistory(), { newest: 3, faults: [] });
  await at(dead).start();
  // A Sentinel would do the same after ten seconds.
  await at(dead)
    .client(t)
    .replicaof("127.0.0.1", await primary());
});

await t.test("a replica takes over that has not got the last change: the gateway says that it is lost", async (t) => {
  const old = await primary();
  await replicated();
  const lines = gateway.log.length;
  await scene.meanwhile(t, [A], [A, B], async () => {
    for (const replica of othersThan(old)) replica.pause();
    const { revision } = await move(store, OTHER, POOL_A);
    await runs(gateway, revision);
    await at(old).kill();
    // What the network had for it is lost with it.
    for (const replica of othersThan(old)) await replica.kill();
    for (const replica of othersThan(old)) await replica.start();
    const { msg } = await loggedAfter(gateway, lines, ({ msg }) => msg.includes("went back"));
    t.match(msg, /went back from revision 4 to 3: the last changes are lost, as after a failover to a replica/);
  });
  await scene.meanwhile(t, [A], [B], () => agreed(store, 1, 3));
});
