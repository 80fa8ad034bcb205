import t from "tap";
import { RedisStore } from "../../src/endpoints/redis/redis-store.ts";
import { storeContract } from "../endpoints/contract.ts";
import { accessTo } from "./access.ts";
import { RedisServer } from "./redis-server.ts";

const server = await RedisServer.start(t);
let tables = 0;

storeContract(t, async () => {
  const access = accessTo(server, { prefix: `table${++tables}` });
  return (options) => new RedisStore({ access, ...options });
});
