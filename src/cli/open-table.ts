import type { Config } from "../config/config.ts";
import { loadConfig } from "../config/load.ts";
import type { EndpointStore } from "../endpoints/store.ts";
import { openStore } from "../open-store.ts";

/**
 * Loads the configuration and opens the endpoint table that it names. The caller closes the store.
 * @param file what `--config` or `-Config` named, if anything
 * @throws WaypostError CONFIG_NOT_FOUND or CONFIG_INVALID
 */
export async function openTable(
  file: string | undefined,
  env: NodeJS.ProcessEnv,
): Promise<{ config: Config; store: EndpointStore }> {
  const config = loadConfig({ file, env, cwd: process.cwd() });
  return { config, store: await openStore(config) };
}
