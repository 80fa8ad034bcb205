import type { Config } from "./config/config.ts";
import { selfTest } from "./config/self.ts";
import { FileStore } from "./endpoints/file-store.ts";
import type { EndpointStore } from "./endpoints/store.ts";

/**
 * Opens the endpoint table that the configuration names. Nothing is read yet. The caller closes the store.
 */
export function openStore(config: Config): EndpointStore {
  const isSelf = selfTest(config.listen, config.resolve);
  return new FileStore({ path: config.store.path, isSelf });
}
