import { mkdirSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { RedisStore } from "../../src/endpoints/redis/redis-store.ts";
import { accessTo } from "./access.ts";
import { RedisServer } from "./redis-server.ts";

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
