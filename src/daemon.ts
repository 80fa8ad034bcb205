import { hostname } from "node:os";
import type { Logger } from "pino";
import { hostPort } from "./address.ts";
import type { Config } from "./config/config.ts";
import { drain, retire } from "./drain.ts";
import { DrainsInForce } from "./drains-in-force.ts";
import type { Endpoint } from "./endpoints/model.ts";
import { MAX_POOL_ADDRESSES, type PoolAddress, type WorkReport } from "./endpoints/store.ts";
import { EndpointTable } from "./endpoints/table.ts";
import { EmbeddedEngine, type EmbeddedEngineSetup } from "./engine/embedded.ts";
import type { Engine } from "./engine/engine.ts";
import type { AddressReport } from "./locate/health.ts";
import { storePlace } from "./open-store.ts";
import { Operations } from "./operations.ts";
import { registrationCounts } from "./registration-counts.ts";
import { decide } from "./routing/route.ts";
import { SeparateStore } from "./separate-store.ts";
import type { Decision, RoutingRequest } from "./sip/decision.ts";
import type { Listener } from "./sip/flow.ts";
import type { OpenStoreChannel } from "./store-channel.ts";
import type { Question } from "./supervisor/messages.ts";
import { tableFollower } from "./table-followers.ts";
import { TableInForce } from "./table-in-force.ts";
import { doubtfulRows, nameUnableRows } from "./unable-rows.ts";
import { limitWarnings } from "./untrusting-listeners.ts";

/** A running gateway. */
export interface Gateway {
  readonly listeners: readonly Listener[];
  /** The table that serves calls. */
  readonly table: EndpointTable;
  readonly store: SeparateStore;
  /** Where the administration is served, if anywhere. */
  readonly admin: { readonly host: string; readonly port: number } | undefined;
  /**
   * Reads certificates, keys and secrets again. What cannot be used goes to the log, and the old stays in force.
   * @param config the configuration as it is now; only its TLS settings, secrets and registrar are taken over while running
   */
  reload(config: Config): Promise<void>;
  /** Says in the log why the configuration for a `reload` cannot be read. */
  reloadRefused(error: Error): void;
  /** Takes nothing new, and finishes what is under way, for at most `drain.seconds`. */
  drain(): Promise<void>;
  /**
   * Other processes serve in the place of this one, which finishes what is under way, and serves the connections that it
   * has until they end, for at most `drain.replacedSeconds`.
   */
  retire(): Promise<void>;
  /** Closes everything. */
  close(): Promise<void>;
  /** `drain`, then `close`. */
  stop(): Promise<void>;
  /** What this process alone can say to a question of another one. */
  answer(question: Question): Promise<unknown>;
}

/** What a gateway that is one of several processes knows of the others. */
export interface GatewayHost {
  readonly among: NonNullable<EmbeddedEngineSetup["among"]>;
  /** From 1, where several serve at the same time. */
  readonly place: number | undefined;
  /** True where others have the listeners, and people's attention, until this one is ready. */
  readonly replaces: boolean;
  /** How the store is reached that it shares with others; absent = it has its own. */
  readonly openStore?: OpenStoreChannel;
  /** Resolves when the listeners may be bound. */
  mayListen(): Promise<void>;
  /** What each process, this one included, answers. */
  askAll(question: Question): Promise<readonly unknown[]>;
}

/**
 * Builds the parts, joins them and starts them: store, table, routing, engine. This is the only place that does so.
 * @throws WaypostError when the table cannot be used, or a listener or the administration cannot be bound; nothing is left running then
 */
export async function startGateway(config: Config, log: Logger, host?: GatewayHost): Promise<Gateway> {
  const operations = await Operations.start(config, log, host);
  try {
    return await startServing(config, log, operations, host);
  } catch (error) {
    await operations.close();
    throw error;
  }
}

async function startServing(
  config: Config,
  log: Logger,
  operations: Operations,
  host: GatewayHost | undefined,
): Promise<Gateway> {
  const store = new SeparateStore(config, host?.openStore);
  const table = new EndpointTable();
  const inForce = new TableInForce(table, store, log);
  const registeredAs = (requestUri: string): string | undefined => engine.registrar?.addressOf(requestUri);
  const routing = { defaultRoute: config.defaultRoute, registeredAs };
  const drains = new DrainsInForce(store, log);
  let engine!: Engine;
  try {
    await inForce.load();
    await drains.start();
    await host?.mayListen();
    engine = await startEngine(config, log, (request) => decide(request, table, routing), host);
    await operations.open();
  } catch (error) {
    await engine?.close();
    const drainsStopped = drains.stop();
    await store.close();
    await drainsStopped;
    throw error;
  }
  drains.use((list) => engine.setDrains(list));
  const [first] = engine.listeners;
  const { registrar } = engine;
  const keepRegistered = (addresses: readonly string[]): void => {
    registrar?.serve(addresses);
    // One process is enough to register for all.
    if ((host?.place ?? 1) === 1) registrar?.keep(addresses);
  };
  const follow = tableFollower(table, {
    ...(config.probe === undefined ? {} : { watchPools: (pools) => engine.watchPools(pools) }),
    ...(registrar === undefined ? {} : { keepRegistered }),
  });
  const name = `${hostname()}:${first?.port ?? 0}${host?.place === undefined ? "" : `/${host.place}`}`;
  const report = (): WorkReport => ({
    pools: poolAddresses(engine.describePools()),
    drained: drains.list.map(({ place }) => place),
    ...registrationCounts(registrar?.describe() ?? []),
  });
  const changed = (rows: Iterable<Endpoint>): void => {
    follow();
    void nameUnableRows(rows, engine.capabilities, log);
  };
  inForce.announce(name, changed, report);
  drains.use((list) => {
    engine.setDrains(list);
    inForce.report();
  });
  operations.serve({ engine, table, isStoreWell: () => inForce.isStoreWell });
  follow();
  for (const warning of limitWarnings(config)) log.warn(warning);
  void nameUnableRows(doubtfulRows(table, engine.capabilities), engine.capabilities, log);
  log.info(
    { endpoints: table.size, revision: table.revision, store: storePlace(config.store) },
    "the endpoint table is loaded",
  );
  const stop = (): Promise<void> => {
    operations.drain("the gateway is stopping");
    const farewells = registrar === undefined ? [] : [() => registrar.leave(config.drain.seconds * 1000)];
    return drain({ engine, seconds: config.drain.seconds, log, farewells });
  };
  const close = async (): Promise<void> => {
    await engine.close();
    const drainsStopped = drains.stop();
    await inForce.stop();
    await store.close();
    await drainsStopped;
    await operations.close();
    log.info("stopped");
  };
  return {
    listeners: engine.listeners,
    table,
    store,
    admin: operations.address,
    reload: async (now) => {
      try {
        await engine.reload(now);
        log.info("certificates, keys and secrets were read again");
      } catch (error) {
        log.error({ reason: (error as Error).message }, "the reload was refused; what was in force stays so");
      }
    },
    reloadRefused: (error) => {
      log.error({ reason: error.message }, "the configuration cannot be read; what was in force stays so");
    },
    drain: stop,
    retire: async () => {
      inForce.replaced();
      await operations.withdraw();
      await retire({ engine, config: config.drain, log });
    },
    close,
    stop: async () => {
      await stop();
      await close();
    },
    answer: (question) => operations.answer(question),
  };
}

/** The addresses for a report, those that are not simply well first. */
function poolAddresses(all: readonly AddressReport[]): PoolAddress[] {
  const isWell = ({ observed, admin }: AddressReport): boolean => observed === "up" && admin === "up";
  const chosen =
    all.length <= MAX_POOL_ADDRESSES ? all : [...all].sort((a, b) => Number(isWell(a)) - Number(isWell(b)));
  return chosen.slice(0, MAX_POOL_ADDRESSES).map(({ target, observed, admin, sentence }) => {
    const { host, transport, address, port } = target;
    return { pool: host, transport, address: hostPort(address, port), observed, admin, sentence };
  });
}

async function startEngine(
  config: Config,
  log: Logger,
  decide: (request: RoutingRequest) => Decision,
  host: GatewayHost | undefined,
): Promise<Engine> {
  if (config.engine === "embedded") return EmbeddedEngine.start({ config, log, decide, among: host?.among });
  // Gateways without it do not load the library.
  const { DrachtioEngine } = await import("./engine/drachtio/drachtio-engine.ts");
  return DrachtioEngine.start({ config, log, decide });
}
