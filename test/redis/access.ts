import type { RedisAccess } from "../../src/endpoints/redis/access.ts";
import type { RedisServer } from "./redis-server.ts";

/** How a store reaches a server of the test. */
export function accessTo(server: RedisServer, more: Partial<RedisAccess> = {}): RedisAccess {
  return {
    server: { kind: "standalone", node: { host: "127.0.0.1", port: server.port }, db: 0 },
    prefix: "waypost",
    ...more,
  };
}
