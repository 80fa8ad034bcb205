import { hostname } from "node:os";
import type { Logger } from "pino";
import type { Config } from "./config/config.ts";
import type { EndpointStore, TableSnapshot } from "./endpoints/store.ts";
import { EndpointTable } from "./endpoints/table.ts";
import { EmbeddedEngine } from "./engine/embedded.ts";
import type { Engine } from "./engine/engine.ts";
import { storePlace } from "./open-store.ts";
import { decide } from "./routing/route.ts";
import type { Listener } from "./sip/flow.ts";
import { StoreThread } from "./store-thread.ts";
import { TableInForce } from "./table-in-force.ts";

/** How long a stopping gateway waits for requests under way. */
const DRAIN_MS = 5000;

/** A running gateway. */
export interface Gateway {
  readonly listeners: readonly Listener[];
  /** The table that serves calls. */
  readonly table: EndpointTable;
  readonly store: EndpointStore;
  /** Answers what is under way (at most 5 s), then closes everything. */
  stop(): Promise<void>;
}

/**
 * Builds the parts, joins them and starts them: store, table, routing, engine. This is the only place that does so.
 * @throws WaypostError when the table cannot be used or a listener cannot be bound; nothing is left running then
 */
export async function startGateway(config: Config, log: Logger): Promise<Gateway> {
  const store = new StoreThread(config);
  const table = new EndpointTable(await loadTable(store));
  const routing = { defaultRoute: config.defaultRoute };
  let engine: Engine;
  try {
    engine = await EmbeddedEngine.start({ config, log, decide: (request) => decide(request, table, routing) });
  } catch (error) {
    await store.close();
    throw error;
  }
  const [first] = engine.listeners;
  const inForce = new TableInForce(table, store, log, `${hostname()}:${first?.port ?? 0}`);
  log.info(
    { endpoints: table.size, revision: table.revision, store: storePlace(config.store) },
    "the endpoint table is loaded",
  );
  return {
    listeners: engine.listeners,
    table,
    store,
    stop: async () => {
      log.info({ unanswered: engine.unanswered }, "stopping");
      await engine.drain(DRAIN_MS);
      await engine.close();
      await inForce.stop();
      await store.close();
      log.info("stopped");
    },
  };
}

async function loadTable(store: EndpointStore): Promise<TableSnapshot> {
  try {
    return await store.load();
  } catch (error) {
    await store.close();
    throw error;
  }
}
