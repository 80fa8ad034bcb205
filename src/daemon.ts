import type { Logger } from "pino";
import type { Config } from "./config/config.ts";
import type { EndpointStore, TableUpdate } from "./endpoints/store.ts";
import { EndpointTable } from "./endpoints/table.ts";
import { EmbeddedEngine } from "./engine/embedded.ts";
import type { Engine } from "./engine/engine.ts";
import { openStore } from "./open-store.ts";
import { decide } from "./routing/route.ts";
import type { Listener } from "./sip/flow.ts";

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
  const store = openStore(config);
  const table = new EndpointTable(await store.load());
  const routing = { defaultRoute: config.defaultRoute };
  let engine: Engine;
  try {
    engine = await EmbeddedEngine.start({ config, log, decide: (request) => decide(request, table, routing) });
  } catch (error) {
    await store.close();
    throw error;
  }
  const unwatch = store.watch(
    (update) => putInForce(table, update, log),
    (error) => {
      log.error(
        { reason: error.message, revision: table.revision },
        "the endpoint table was refused; the last one serves",
      );
    },
  );
  log.info(
    { endpoints: table.size, revision: table.revision, store: config.store.path },
    "the endpoint table is loaded",
  );
  return {
    listeners: engine.listeners,
    table,
    store,
    stop: async () => {
      log.info({ unanswered: engine.unanswered }, "stopping");
      unwatch();
      await engine.drain(DRAIN_MS);
      await engine.close();
      await store.close();
      log.info("stopped");
    },
  };
}

function putInForce(table: EndpointTable, { differences, revision }: TableUpdate, log: Logger): void {
  table.apply(differences, revision);
  log.info(
    { changed: differences.length, endpoints: table.size, revision: table.revision },
    "a changed endpoint table is in force",
  );
}
