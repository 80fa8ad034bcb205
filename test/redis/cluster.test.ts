import { execFile } from "node:child_process";
import { promisify } from "node:util";
import t from "tap";
import { eventually } from "../support/eventually.ts";
import { freePort } from "../support/free-port.ts";
import { accessTo } from "./access.ts";
import { RedisServer } from "./redis-server.ts";
import { A, agreed, B, move, OTHER, POOL_A, POOL_B, ROOMS, runs, Scene, storeOf, twoRows } from "./scene.ts";

// Three masters of a real Cluster. The slot of the table moves from one to another while calls and edits go on.

const servers = await Promise.all(
  [1, 2, 3].map(async () =>
    RedisServer.start(
      t,
      "--cluster-enabled",
      "yes",
      "--cluster-node-timeout",
      "2000",
      "--cluster-port",
      `${await freePort()}`,
    ),
  ),
);
const nodes = servers.map(({ port }) => ({ host: "127.0.0.1", port }));
const addresses = nodes.map(({ host, port }) => `${host}:${port}`);
await promisify(execFile)("redis-cli", ["--cluster", "create", ...addresses, "--cluster-yes"]);
const clients = servers.map((server) => server.client(t));
await eventually("a Cluster that is whole", async () => {
  const states = await Promise.all(clients.map((client) => client.cluster("INFO") as Promise<string>));
  return states.every((state) => state.includes("cluster_state:ok")) || undefined;
});

const store = storeOf(t, accessTo(servers[0]!, { server: { kind: "cluster", nodes } }));
await twoRows(store);
const scene = await Scene.open(t);
// One node is enough to find the others.
const gateway = await scene.gateway({ cluster: [addresses[0]] });
// Its first report, which has keys of its own, follows a moment after it is ready.
await agreed(store, 1, 1);
const slot = await clients[0]!.cluster("KEYSLOT", "{waypost}:rows");
const ids = await Promise.all(clients.map((client) => client.cluster("MYID") as Promise<string>));

await t.test("every key of a table is in one slot", async (t) => {
  const owner = await ownerNow();
  const keys = await clients[owner]!.keys("*");
  const slots = await Promise.all(keys.map((key) => clients[0]!.cluster("KEYSLOT", key)));
  t.ok(keys.length >= 5, keys.join());
  t.same(new Set(slots), new Set([slot]));
});

await t.test("the slot moves to another master while calls and edits go on", async (t) => {
  const from = await ownerNow();
  const to = (from + 1) % 3;
  const edits: Promise<{ revision: number }>[] = [];
  const edit = () => edits.push(move(store, OTHER, edits.length % 2 === 0 ? POOL_A : POOL_B));
  await scene.meanwhile(t, [A], [A, B], async () => {
    edit();
    await clients[to]!.cluster("SETSLOT", slot, "IMPORTING", ids[from]!);
    await clients[from]!.cluster("SETSLOT", slot, "MIGRATING", ids[to]!);
    const keys = await clients[from]!.keys("*");
    for (const key of keys) {
      // Between two keys the table is in two places, and nobody can change it.
      edit();
      await clients[from]!.call("MIGRATE", "127.0.0.1", servers[to]!.port, key, 0, 5000);
    }
    for (const client of [clients[to]!, clients[from]!]) await client.cluster("SETSLOT", slot, "NODE", ids[to]!);
    const made = await Promise.all(edits);
    t.equal(new Set(made.map(({ revision }) => revision)).size, edits.length, "no edit was lost or made twice");
    await runs(gateway, 1 + edits.length);
  });
  t.match(await store.verifyHistory(), { newest: 1 + edits.length, faults: [] });
  const now = edits.length % 2 === 0 ? B : A;
  await scene.meanwhile(t, [A], [now], () => agreed(store, 1, 1 + edits.length));
});

await t.test("a new gateway and an edit find the table where it is now", async (t) => {
  const { revision } = await move(store, ROOMS, POOL_B);
  await scene.meanwhile(t, [A, B], [A, B], () => runs(gateway, revision));
  await scene.meanwhile(t, [B], [A, B], () => agreed(store, 1, revision));
});

async function ownerNow(): Promise<number> {
  const held = await Promise.all(
    clients.map((client) => client.cluster("COUNTKEYSINSLOT", Number(slot)) as Promise<number>),
  );
  return held.findIndex((count) => count > 0);
}
