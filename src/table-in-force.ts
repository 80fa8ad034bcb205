import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import type { Endpoint } from "./endpoints/model.ts";
import { REPORT_EVERY_MS, type StoreHealth, type WorkReport } from "./endpoints/store.ts";
import { EndpointTable } from "./endpoints/table.ts";
import type { WaypostError } from "./errors.ts";
import type { SeparateStore, TableFollower } from "./separate-store.ts";
import type { Followed } from "./store-messages.ts";

/** How soon a gateway whose store is not well looks at it again. */
const UNWELL_LOOK_MS = 500;

/** After which time a table that turned out wrong is asked for again, and at most after which, twice as long each time. */
const RELOAD_MS = 1000;
const LONGEST_RELOAD_MS = 60_000;

/** How long a gateway that stops tries to sign off. */
const DISMISS_MS = 1000;

/**
 * Keeps the table that serves calls at what the store says, and tells the store where it is. A small change is in
 * force at once; a large one comes in parts between calls, each address switching from its old row to its new one in
 * one step.
 */
export class TableInForce implements TableFollower {
  readonly #table: EndpointTable;
  readonly #store: SeparateStore;
  readonly #log: Logger;
  /** A whole table that is not complete yet. */
  #incoming: EndpointTable | undefined;
  #name: string | undefined;
  #changed: (rows: Iterable<Endpoint>) => void = () => undefined;
  #more: () => WorkReport = () => ({});
  /** The rows of the change that is being put in force. */
  #put: Endpoint[] = [];
  #timer: NodeJS.Timeout | undefined;
  #state: StoreHealth["state"] = "ok";
  #reporting: Promise<void> | undefined;
  #reportAgain = false;
  /** What the log has said last of what does not work beside the table. */
  #warned = "";
  /** Whether the table had the hash of the store's when it was complete last. */
  #isRight = true;
  #reloadMs = RELOAD_MS;
  #reloading: NodeJS.Timeout | undefined;

  constructor(table: EndpointTable, store: SeparateStore, log: Logger) {
    this.#table = table;
    this.#store = store;
    this.#log = log;
  }

  /** Loads the table, and follows the store from then on. @throws WaypostError when there is none that can be used */
  load(): Promise<void> {
    return this.#store.follow(this);
  }

  /**
   * From now on other gateways and the commands see what is in force here.
   * @param name of this gateway, unique among those of one table
   * @param changed called after each change that is in force, with the rows that are new or not what they were
   * @param more what else the gateway reports
   */
  announce(name: string, changed: (rows: Iterable<Endpoint>) => void, more: () => WorkReport): void {
    this.#more = more;
    this.#name = name;
    this.#changed = changed;
    this.#timer = setInterval(() => this.report(), REPORT_EVERY_MS).unref();
    this.report();
  }

  /** Whether the store was well when it was last asked. */
  get isStoreWell(): boolean {
    return this.#state === "ok";
  }

  /** Another process reports under this name from now on. */
  replaced(): void {
    clearInterval(this.#timer);
    this.#name = undefined;
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    clearTimeout(this.#reloading);
    const name = this.#name;
    this.#name = undefined;
    if (name !== undefined) {
      await Promise.race([this.#dismiss(name), sleep(DISMISS_MS, undefined, { ref: false })]);
    }
  }

  begin(): void {
    this.#incoming = new EndpointTable();
    this.#put = [];
  }

  set(row: Endpoint): void {
    if (this.#incoming !== undefined) {
      this.#incoming.set(row);
    } else {
      this.#table.set(row);
      this.#put.push(row);
    }
  }

  delete(key: string): void {
    (this.#incoming ?? this.#table).delete(key);
  }

  complete({ revision, hash, changed, warning }: Followed): void {
    const isWhole = this.#incoming !== undefined;
    const rows = this.#put;
    this.#put = [];
    if (this.#incoming !== undefined) {
      this.#table.takeOver(this.#incoming);
      this.#incoming = undefined;
    }
    this.#table.complete(revision);
    if (warning !== undefined) {
      this.#log.warn({ revision }, warning);
    }
    if (this.#table.hash !== hash) {
      this.#log.error(
        { revision, hash: this.#table.hash, expected: hash, againInMs: this.#reloadMs },
        "the table is not that of the store; it is read again",
      );
      this.#isRight = false;
      this.#reloadSoon();
    } else {
      this.#isRight = true;
      // A whole table that is right after all ends it; a change that happens to fit does not.
      if (isWhole) this.#reloadMs = RELOAD_MS;
    }
    if (this.#name !== undefined) {
      this.#log.info({ changed, endpoints: this.#table.size, revision }, "a changed endpoint table is in force");
      this.#changed(isWhole ? this.#table.all() : rows);
      this.report();
    }
  }

  /** What this process missed can be anything, so the store hands over the whole table once more. */
  #reloadSoon(): void {
    this.#reloading ??= setTimeout(() => {
      this.#reloading = undefined;
      void this.#reload();
    }, this.#reloadMs).unref();
    this.#reloadMs = Math.min(2 * this.#reloadMs, LONGEST_RELOAD_MS);
  }

  async #reload(): Promise<void> {
    await this.#store.refollow();
    // Where that came to nothing the table still is the wrong one, and only the next attempt tells.
    if (!this.#isRight) this.#reloadSoon();
  }

  async #dismiss(name: string): Promise<void> {
    await this.#reporting;
    await this.#store.dismissGateway(name).catch(() => undefined);
  }

  refused(error: Error): void {
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
    if (this.#name === undefined) {
      return;
    }
    this.#reportAgain = false;
    this.#reporting = this.#tellStore(this.#name).finally(() => {
      this.#reporting = undefined;
      if (this.#reportAgain) this.report();
      else if (this.#state !== "ok") setTimeout(() => this.report(), UNWELL_LOOK_MS).unref();
    });
  }

  async #tellStore(name: string): Promise<void> {
    const health = await this.#store.health();
    if (this.#state !== "ok" && health.state === "ok") {
      this.#log.info({ revision: this.#table.revision }, "the store of the endpoint table is well again");
    }
    this.#state = health.state;
    const { revision, hash, size: endpoints } = this.#table;
    const at = new Date().toISOString();
    const untaken = await this.#store
      .reportGateway({ name, revision, hash, endpoints, health, ...this.#more(), at })
      .then(
        () => undefined,
        (error: WaypostError) => error,
      );
    if (untaken !== undefined) {
      this.#log.debug({ reason: untaken.message }, "this gateway's report was not taken");
    }
    // A store that cannot be reached is told of by its health.
    const isAway = untaken?.code === "STORE_UNREACHABLE" || untaken?.code === "STORE_ENDED";
    this.#warn([health.warning, isAway ? undefined : untaken?.message].filter((each) => each !== undefined).join("; "));
  }

  /** Says once that something beside the table does not work, and once that it works again. */
  #warn(warning: string): void {
    if (warning === this.#warned) {
      return;
    }
    this.#warned = warning;
    const { revision } = this.#table;
    if (warning === "") {
      this.#log.info({ revision }, "what was kept beside the endpoint table is written again");
    } else {
      this.#log.warn(
        { revision, reason: warning },
        "the endpoint table serves, but not all that is kept beside it is written",
      );
    }
  }
}
