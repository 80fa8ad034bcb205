import { join } from "node:path";
import t from "tap";
import { FileStore } from "../../src/endpoints/file-store.ts";
import { storeContract } from "./contract.ts";

storeContract(t, async (t) => {
  const path = join(t.testdir(), "endpoints.json");
  return (options) => new FileStore({ path, ...options });
});
