import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { RedisStore } from "../../src/endpoints/redis/redis-store.ts";
import { eventually } from "../support/eventually.ts";
import { fillDisk, freeDisk, smallDisk, WITHOUT_DISKS } from "../support/small-disk.ts";
import { accessTo } from "./access.ts";
import { RedisServer } from "./redis-server.ts";
import { editor } from "./scene.ts";

const DRAIN = { place: "10.1.2.3", by: "alice", reason: "patch", at: "2026-01-01T00:00:00.000Z" };

t.test("with Redis away a drained address stays drained, though its copy could not be written", async (t) => {
  const server = await RedisServer.start(t);
  const copy = join(t.testdir(), "copy");
  // Not even root writes a file where a folder is.
  mkdirSync(`${copy}.drained`);
  const open = (): RedisStore => {
    const store = new RedisStore({ access: accessTo(server), copy, keepsCopy: true });
    t.teardown(() => store.close());
    return store;
  };
  const store = open();
  await store.setDrain(DRAIN.place, DRAIN);
  t.same(await store.drains(), [DRAIN]);
  await server.kill();
  t.same(await store.drains(), [DRAIN], "what was known last");
  await t.rejects(open().drains(), { code: "STORE_UNREACHABLE" }, "who knows nothing does not say that there is none");
});

t.test("a gateway that starts with Redis away and no copy does not take that for no drained address", async (t) => {
  const server = await RedisServer.start(t);
  await server.kill();
  const access = accessTo(server);
  const store = new RedisStore({ access, copy: join(t.testdir(), "copy"), keepsCopy: true });
  t.teardown(() => store.close());
  await t.rejects(store.drains(), { code: "STORE_UNREACHABLE" });
});

t.test(
  "copies on a full disk stay what they were, it is told, and they are written when there is room",
  WITHOUT_DISKS,
  async (t) => {
    const server = await RedisServer.start(t);
    const folder = smallDisk(t);
    const copy = join(folder, "copy");
    const store = new RedisStore({ access: accessTo(server), copy, keepsCopy: true });
    t.teardown(() => store.close());
    const add = (name: string) =>
      store.change(
        [{ kind: "add", endpoint: { sipAddress: `${name}@contoso.com`, poolFqdn: "a.contoso.com" } }],
        editor,
      );
    await store.load();
    await add("one");
    await store.setDrain(DRAIN.place, DRAIN);
    await store.drains();
    await eventually("the copy", () => readdirSync(folder).includes("copy") || undefined);
    const old = readFileSync(copy, "utf8");
    const oldDrains = readFileSync(`${copy}.drained`, "utf8");

    fillDisk(folder, 0);
    await add("two");
    await store.setDrain("10.1.2.4", { ...DRAIN, place: "10.1.2.4" });
    t.equal((await store.drains()).length, 2);
    const told = await eventually("both faults", async () => {
      const health = await store.health();
      return health.warning?.includes("; ") ? health : undefined;
    });
    t.match(told, {
      state: "ok",
      warning: /^cannot write .*\/copy: the disk is full \(ENOSPC\); cannot write .*\/copy\.drained: the disk is full/,
    });
    t.equal(readFileSync(copy, "utf8"), old);
    t.equal(readFileSync(`${copy}.drained`, "utf8"), oldDrains);
    t.same(readdirSync(folder).sort(), ["ballast", "copy", "copy.drained"], "nothing half written is left");

    freeDisk(folder);
    await store.drains();
    await eventually("no fault", async () => (await store.health()).warning === undefined || undefined);
    await server.kill();
    const next = new RedisStore({ access: accessTo(server), copy, keepsCopy: true });
    t.teardown(() => next.close());
    t.equal((await next.load()).endpoints.length, 2, "the copy stands in with the change that was made meanwhile");
    t.equal((await next.drains()).length, 2);
  },
);

t.test("a decision by a command whose copy is behind gives no revision that a gateway has already", async (t) => {
  const server = await RedisServer.start(t);
  const copy = join(t.testdir(), "copy");
  const open = (more: { copy?: string; keepsCopy?: boolean } = {}): RedisStore => {
    const store = new RedisStore({ access: accessTo(server), ...more });
    t.teardown(() => store.close());
    return store;
  };
  const add = (store: RedisStore, name: string) =>
    store.change([{ kind: "add", endpoint: { sipAddress: `${name}@contoso.com`, poolFqdn: "a.contoso.com" } }], editor);
  const gateway = open({ copy, keepsCopy: true });
  await gateway.load();
  await add(gateway, "one");
  await eventually("the copy", () => existsSync(copy) || undefined);
  const behind = `${copy}.behind`;
  copyFileSync(copy, behind);
  const { revision, hash } = await add(gateway, "two");
  await server.client(t).flushall();
  await add(open(), "stranger");
  const at = new Date().toISOString();
  await gateway.reportGateway({ name: "gw", revision, hash, endpoints: 2, health: await gateway.health(), at });
  t.equal((await open({ copy: behind }).settle("accept", editor)).revision, revision + 1);
});
