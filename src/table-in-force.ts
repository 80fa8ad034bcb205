import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import type { Endpoint } from "./endpoints/model.ts";
import {
  type EndpointStore,
  type GatewayReport,
  REPORT_EVERY_MS,
  type RowDifference,
  type StoreHealth,
  type TableUpdate,
} from "./endpoints/store.ts";
import { type EndpointTable, stepsOf } from "./endpoints/table.ts";
import type { WaypostError } from "./errors.ts";

/** How many rows are put in force without a pause for calls. */
export const ROWS_AT_ONCE = 250;

/** How soon a gateway whose store is not well looks at it again. */
const UNWELL_LOOK_MS = 500;

/** How long a gateway that stops tries to sign off. */
const DISMISS_MS = 1000;

/**
 * Keeps the table that serves calls at what the store says, and tells the store where it is. A small change is in
 * force at once; a large one comes in slices between calls, each address switching from its old row to its new one in
 * one step.
 */
export class TableInForce {
  readonly #table: EndpointTable;
  readonly #store: EndpointStore;
  readonly #log: Logger;
  readonly #name: string;
  readonly #changed: (differences: readonly RowDifference[]) => void;
  readonly #more: () => Pick<GatewayReport, "pools" | "drained">;
  readonly #unwatch: () => void;
  readonly #timer: NodeJS.Timeout;
  #slices: Promise<void> | undefined;
  #state: StoreHealth["state"] = "ok";
  #reporting: Promise<void> | undefined;
  #reportAgain = false;
  #stopped = false;

  /**
   * @param name of this gateway, unique among those of one table
   * @param changed called after each change that is in force
   * @param more what else the gateway reports
   */
  constructor(
    table: EndpointTable,
    store: EndpointStore,
    log: Logger,
    name: string,
    changed: (differences: readonly RowDifference[]) => void,
    more: () => Pick<GatewayReport, "pools" | "drained">,
  ) {
    this.#table = table;
    this.#store = store;
    this.#log = log;
    this.#name = name;
    this.#changed = changed;
    this.#more = more;
    this.#unwatch = store.watch(
      (update) => this.#take(update),
      (error) => this.#refused(error),
    );
    this.#timer = setInterval(() => this.report(), REPORT_EVERY_MS).unref();
    this.report();
  }

  /** Whether the store was well when it was last asked. */
  get isStoreWell(): boolean {
    return this.#state === "ok";
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#unwatch();
    clearInterval(this.#timer);
    await this.#slices;
    await Promise.race([this.#dismiss(), sleep(DISMISS_MS, undefined, { ref: false })]);
  }

  async #dismiss(): Promise<void> {
    await this.#reporting;
    await this.#store.dismissGateway(this.#name).catch(() => undefined);
  }

  #take(update: TableUpdate): void {
    if (this.#slices === undefined && update.differences.length <= ROWS_AT_ONCE) {
      this.#table.apply(update.differences, update.revision);
      this.#tookOver(update);
      return;
    }
    const slices = (this.#slices ?? Promise.resolve()).then(() => this.#applySlowly(update));
    this.#slices = slices.then(() => {
      if (this.#slices === done) this.#slices = undefined;
    });
    const done = this.#slices;
  }

  async #applySlowly(update: TableUpdate): Promise<void> {
    const { rows, keys } = stepsOf(update.differences);
    await inSlices(rows, (row: Endpoint) => this.#table.set(row));
    await inSlices(keys, (key: string) => this.#table.delete(key));
    this.#table.complete(update.revision);
    this.#tookOver(update);
  }

  #tookOver({ differences, warning, hash }: TableUpdate): void {
    this.#changed(differences);
    const { size, revision } = this.#table;
    if (warning !== undefined) {
      this.#log.warn({ revision }, warning);
    }
    if (this.#table.hash !== hash) {
      this.#log.error({ revision, hash: this.#table.hash, expected: hash }, "the table is not that of the store");
    }
    this.#log.info({ changed: differences.length, endpoints: size, revision }, "a changed endpoint table is in force");
    this.report();
  }

  #refused(error: Error): void {
    const { message: reason, code } = error as WaypostError;
    const isAway = code === "STORE_UNREACHABLE" || code === "STORE_ENDED";
    const what = isAway ? "the store of the endpoint table is away" : "the endpoint table was refused";
    this.#log.error({ reason, code, revision: this.#table.revision }, `${what}; the last one serves`);
    this.#state = isAway ? "unreachable" : "refused";
    this.report();
  }

  /** Tells the store where this gateway is: one report at a time; what changes meanwhile makes another one follow. */
  report(): void {
    if (this.#reporting !== undefined) {
      this.#reportAgain = true;
      return;
    }
    if (this.#stopped) {
      return;
    }
    this.#reportAgain = false;
    this.#reporting = this.#tellStore().finally(() => {
      this.#reporting = undefined;
      if (this.#reportAgain) this.report();
      else if (this.#state !== "ok") setTimeout(() => this.report(), UNWELL_LOOK_MS).unref();
    });
  }

  async #tellStore(): Promise<void> {
    const health = await this.#store.health();
    if (this.#state !== "ok" && health.state === "ok") {
      this.#log.info({ revision: this.#table.revision }, "the store of the endpoint table is well again");
    }
    this.#state = health.state;
    const { revision, hash, size: endpoints } = this.#table;
    const at = new Date().toISOString();
    // A store that cannot be reached is told of by its health.
    await this.#store
      .reportGateway({ name: this.#name, revision, hash, endpoints, health, ...this.#more(), at })
      .catch((error: Error) => this.#log.debug({ reason: error.message }, "this gateway's report was not taken"));
  }
}

/** Does something with each of many, with a pause for whatever else waits after every few. */
async function inSlices<T>(items: Iterable<T>, work: (item: T) => void): Promise<void> {
  let count = 0;
  for (const item of items) {
    work(item);
    if (++count % ROWS_AT_ONCE === 0) {
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}
