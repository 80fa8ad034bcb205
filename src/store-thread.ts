import { extname } from "node:path";
import { Worker } from "node:worker_threads";
import type { Drain } from "./drained-address.ts";
import type { Endpoint } from "./endpoints/model.ts";
import type {
  Actor,
  ChangeOptions,
  ChangeResult,
  EndpointStore,
  GatewayReport,
  HistoryCheck,
  HistoryEntry,
  HistoryOptions,
  KnownGateway,
  RowChange,
  RowDifference,
  StoreHealth,
  TableSnapshot,
  TableUpdate,
} from "./endpoints/store.ts";
import { WaypostError } from "./errors.ts";
import { type StoreSettings, storePlace } from "./open-store.ts";
import type { Answer, Call, FaultText, News } from "./store-messages.ts";

interface Waiting {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

/**
 * A gateway's store, which lives on a thread of its own (store-worker.ts), as seen from the thread that serves calls.
 * What is large comes in parts, each of about a millisecond's work.
 */
export class StoreThread implements EndpointStore {
  readonly #settings: StoreSettings;
  readonly #worker: Worker;
  readonly #watchers = new Set<{ changed: (update: TableUpdate) => void; refused: (error: Error) => void }>();
  readonly #waiting = new Map<number, Waiting>();
  readonly #words = new Words();
  #nextId = 1;
  #rows: Endpoint[] = [];
  #differences: RowDifference[] = [];
  #loading: Promise<TableSnapshot> | undefined;
  #ended: WaypostError | undefined;
  readonly #since = new Date().toISOString();

  constructor(settings: StoreSettings) {
    const { store, listen, resolve, engine, drachtio } = settings;
    this.#settings = settings;
    this.#worker = new Worker(new URL(`./store-worker${extname(import.meta.url)}`, import.meta.url), {
      workerData: { store, listen, resolve, engine, ...(drachtio && { drachtio }) } satisfies StoreSettings,
      execArgv: [],
    });
    this.#worker.unref();
    this.#worker.on("message", (message: Answer | News) => this.#receive(message));
    this.#worker.on("error", (error) => this.#end(error.message));
    this.#worker.on("exit", () => this.#end("it was closed"));
  }

  load(): Promise<TableSnapshot> {
    this.#loading ??= this.#load().finally(() => {
      this.#loading = undefined;
    });
    return this.#loading;
  }

  change(changes: readonly RowChange[], actor: Actor, options?: ChangeOptions): Promise<ChangeResult> {
    return this.#call("change", changes, actor, options);
  }

  undo(revision: number, actor: Actor, options?: ChangeOptions): Promise<ChangeResult> {
    return this.#call("undo", revision, actor, options);
  }

  watch(changed: (update: TableUpdate) => void, refused: (error: Error) => void): () => void {
    const watcher = { changed, refused };
    if (this.#watchers.size === 0) {
      this.#call("watch").catch(() => undefined);
    }
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  history(options?: HistoryOptions): Promise<readonly HistoryEntry[]> {
    return this.#call("history", options);
  }

  verifyHistory(): Promise<HistoryCheck> {
    return this.#call("verifyHistory");
  }

  diff(from: number, to: number): Promise<readonly RowDifference[]> {
    return this.#call("diff", from, to);
  }

  health(): Promise<StoreHealth> {
    const { store } = this.#settings;
    return this.#call<StoreHealth>("health").catch((error: Error) => {
      const what = { kind: store.kind, place: storePlace(store) };
      return { ...what, state: "refused", reason: error.message, since: this.#since } as const;
    });
  }

  gateways(): Promise<readonly KnownGateway[]> {
    return this.#call("gateways");
  }

  reportGateway(report: GatewayReport): Promise<void> {
    return this.#call("reportGateway", report);
  }

  drains(): Promise<readonly Drain[]> {
    return this.#call("drains");
  }

  setDrain(place: string, drain: Drain | undefined): Promise<void> {
    return this.#call("setDrain", place, drain);
  }

  dismissGateway(name: string): Promise<void> {
    return this.#call("dismissGateway", name);
  }

  settle(decision: "accept" | "restore", actor: Actor): Promise<ChangeResult> {
    return this.#call("settle", decision, actor);
  }

  async close(): Promise<void> {
    this.#watchers.clear();
    await this.#call("close").catch(() => undefined);
    await this.#worker.terminate();
  }

  async #load(): Promise<TableSnapshot> {
    this.#rows = [];
    const { revision, hash } = await this.#call<Omit<TableSnapshot, "endpoints">>("load");
    const endpoints = this.#rows;
    this.#rows = [];
    return { revision, hash, endpoints };
  }

  #call<T>(method: Call["method"], ...args: readonly unknown[]): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#ended !== undefined) {
        reject(this.#ended);
        return;
      }
      const id = this.#nextId++;
      this.#waiting.set(id, { resolve: resolve as Waiting["resolve"], reject });
      // Only a call that waits for its answer keeps the process alive.
      this.#worker.ref();
      this.#worker.postMessage({ id, method, args } satisfies Call);
    });
  }

  #receive(message: Answer | News): void {
    if ("id" in message) {
      const waiting = this.#waiting.get(message.id);
      this.#waiting.delete(message.id);
      if (this.#waiting.size === 0) {
        this.#worker.unref();
      }
      "fault" in message ? waiting?.reject(toError(message.fault)) : waiting?.resolve(message.result);
    } else if ("rows" in message) {
      for (const row of JSON.parse(message.rows) as Endpoint[]) {
        this.#rows.push(this.#words.inRow(row));
      }
      this.#taken();
    } else if ("differences" in message) {
      this.#receiveDifferences(message.differences, message.update);
    } else {
      const error = toError(message.refused);
      for (const { refused } of this.#watchers) refused(error);
    }
  }

  #receiveDifferences(text: string, update: Omit<TableUpdate, "differences"> | undefined): void {
    for (const { before, after } of JSON.parse(text) as RowDifference[]) {
      this.#differences.push({
        ...(before && { before: this.#words.inRow(before) }),
        ...(after && { after: this.#words.inRow(after) }),
      });
    }
    if (update === undefined) {
      this.#taken();
      return;
    }
    const differences = this.#differences;
    this.#differences = [];
    for (const { changed } of this.#watchers) changed({ ...update, differences });
  }

  /** Asks for the next part, after whatever else waits for this thread. */
  #taken(): void {
    setImmediate(() => this.#worker.postMessage("taken"));
  }

  #end(reason: string): void {
    if (this.#ended !== undefined) {
      return;
    }
    const place = storePlace(this.#settings.store);
    this.#ended = new WaypostError("STORE_ENDED", `the thread that follows ${place} has ended: ${reason}`);
    for (const { reject } of this.#waiting.values()) reject(this.#ended);
    this.#waiting.clear();
    for (const { refused } of this.#watchers) refused(this.#ended);
  }
}

/** Keeps one copy of texts that many rows share, such as the pool's name. Bounded; beyond that, texts are as they come. */
class Words {
  readonly #words = new Map<string, string>();

  inRow(row: Endpoint): Endpoint {
    const words = row as { -readonly [K in keyof Endpoint]: Endpoint[K] };
    words.poolFqdn = this.#one(row.poolFqdn);
    words.createdAt = this.#one(row.createdAt);
    words.createdBy = this.#one(row.createdBy);
    words.updatedAt = row.updatedAt === row.createdAt ? words.createdAt : this.#one(row.updatedAt);
    words.updatedBy = this.#one(row.updatedBy);
    return words;
  }

  #one(text: string): string {
    const present = this.#words.get(text);
    if (present !== undefined) {
      return present;
    }
    if (this.#words.size < MOST_WORDS) {
      this.#words.set(text, text);
    }
    return text;
  }
}

const MOST_WORDS = 50_000;

function toError({ code, message }: FaultText): Error {
  return code === undefined ? new Error(message) : new WaypostError(code, message);
}
