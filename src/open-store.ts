import type { Config, StoreConfig } from "./config/config.ts";
import { selfTest } from "./config/self.ts";
import type { FileStoreOptions } from "./endpoints/file-store.ts";
import { placeOf } from "./endpoints/redis/access.ts";
import type { EndpointStore } from "./endpoints/store.ts";
import { capabilitiesOf } from "./engine/capabilities.ts";
import { type RoutedRow, rowFault } from "./routing/capabilities.ts";

/** What of the configuration a store needs. Plain data: it crosses to the store's process. */
export type StoreSettings = Pick<Config, "store" | "listen" | "resolve" | "engine" | "drachtio">;

/**
 * Opens the endpoint table that the configuration names. Nothing is read yet. The caller closes the store.
 * @param isGateway true for a process that serves calls: with Redis, it keeps the last good table on disk
 * @param most see FileStoreOptions
 * @throws WaypostError STORE_UNREACHABLE when a file with the password of Redis or its certificates cannot be read
 */
export async function openStore(
  settings: StoreSettings,
  isGateway = false,
  most?: FileStoreOptions["most"],
): Promise<EndpointStore> {
  const { store, listen, resolve } = settings;
  const isSelf = selfTest(listen, resolve);
  const able = capabilitiesOf(settings);
  const whyUnable = (row: RoutedRow): string | undefined => rowFault(row, able);
  if (store.kind === "file") {
    const { FileStore } = await import("./endpoints/file-store.ts");
    return new FileStore({ path: store.path, isSelf, whyUnable, history: store.history, ...(most && { most }) });
  }
  const { RedisStore } = await import("./endpoints/redis/redis-store.ts");
  const { access, history, copy } = store;
  return new RedisStore({ access, isSelf, whyUnable, history, copy, keepsCopy: isGateway });
}

/** Where the table is, for people. */
export function storePlace(store: StoreConfig): string {
  return store.kind === "file" ? store.path : placeOf(store.access);
}
