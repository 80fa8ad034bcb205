import type { Endpoint } from "./endpoints/model.ts";
import { Outgrown } from "./endpoints/outgrown.ts";
import type { EndpointStore, TableSnapshot, TableUpdate } from "./endpoints/store.ts";
import { stepsOf } from "./endpoints/table.ts";
import { WaypostError } from "./errors.ts";
import {
  type Answer,
  type Call,
  type FaultText,
  type Followed,
  type News,
  ROWS_PER_MESSAGE,
  type Taken,
} from "./store-messages.ts";

/** One store at the service of those who serve its table: each follows it at its own pace, and edits have one order. */
export class StoreService {
  readonly #opening: Promise<EndpointStore>;
  readonly #sessions = new Set<StoreSession>();
  #watching = false;
  #loading: Promise<TableSnapshot> | undefined;

  constructor(opening: Promise<EndpointStore>) {
    this.#opening = opening;
    // Whoever calls is told.
    opening.catch(() => undefined);
  }

  get sessions(): number {
    return this.#sessions.size;
  }

  /** @param send takes what is for the one that is served */
  begin(send: (message: Answer | News) => void): StoreSession {
    const session = new StoreSession(this, send);
    this.#sessions.add(session);
    return session;
  }

  end(session: StoreSession): void {
    this.#sessions.delete(session);
  }

  /** Calls a method of the store. What is to end for one who is not the last one there goes on for the others. */
  async call({ method, args }: Call): Promise<unknown> {
    if (method === "close" && this.#sessions.size > 1) return undefined;
    const store = await this.#opening;
    return (store[method as "health"] as (...args: readonly unknown[]) => Promise<unknown>).apply(store, [...args]);
  }

  /** Reads the table; whoever wants it at the same time gets the same one. From then on changes are told to everybody. */
  async load(): Promise<TableSnapshot> {
    const store = await this.#opening;
    this.#loading ??= store.load().finally(() => {
      this.#loading = undefined;
    });
    const table = await this.#loading;
    if (!this.#watching) {
      this.#watching = true;
      store.watch(
        (update) => {
          for (const session of this.#sessions) session.changed(update);
        },
        (error) => {
          for (const session of this.#sessions) session.refused(error);
        },
      );
    }
    return table;
  }

  /** Waits for what is being written. */
  async close(): Promise<void> {
    await (await this.#opening).close();
  }
}

/** One that is served: its calls, and how far it has taken in the table. */
export class StoreSession {
  readonly #service: StoreService;
  readonly #send: (message: Answer | News) => void;
  /** Each ends the wait for the other side to have taken a part in; they are taken in as they were sent. */
  readonly #untaken: (() => void)[] = [];
  /** News go out one after the other. */
  #news: Promise<void> = Promise.resolve();
  /** The changes that the store tells of while a whole table is read. */
  #meanwhile: TableUpdate[] | undefined;
  #follows = false;

  constructor(service: StoreService, send: (message: Answer | News) => void) {
    this.#service = service;
    this.#send = send;
  }

  receive(message: Call | Taken): void {
    if (message === "taken") this.#untaken.shift()?.();
    else void this.#answer(message);
  }

  changed(update: TableUpdate): void {
    if (this.#meanwhile !== undefined) this.#meanwhile.push(update);
    else if (this.#follows) this.#tell(update);
  }

  refused(error: Error): void {
    if (!this.#follows) return;
    this.#news = this.#news.then(() => this.#send({ refused: faultText(error) }));
  }

  /** Nobody is there any more. */
  end(): void {
    this.#follows = false;
    this.#service.end(this);
  }

  async #answer(call: Call): Promise<void> {
    try {
      const result = call.method === "follow" ? await this.#follow() : await this.#service.call(call);
      // What the store told its watchers meanwhile is to arrive first.
      await this.#news;
      this.#send({ id: call.id, result });
    } catch (error) {
      this.#send({ id: call.id, fault: faultText(error) });
    }
  }

  /** Hands over the whole table, and what changes from then on. */
  async #follow(): Promise<void> {
    const since: TableUpdate[] = [];
    this.#meanwhile = since;
    try {
      const { endpoints, revision, hash } = await this.#service.load();
      this.#follows = true;
      this.#news = this.#news.then(() =>
        this.#handOver(endpoints, [], { revision, hash, changed: endpoints.length }, true),
      );
      // What led to this table is in it; what came after it follows.
      since.splice(0, 1 + since.findLastIndex((update) => update.revision === revision && update.hash === hash));
    } finally {
      this.#meanwhile = undefined;
      if (this.#follows) for (const update of since) this.#tell(update);
    }
  }

  /** A change that comes while the table is on its way follows it. */
  #tell({ differences, ...update }: TableUpdate): void {
    this.#news = this.#news.then(() => {
      const { rows, keys } = stepsOf(differences);
      return this.#handOver(rows, [...keys], { ...update, changed: differences.length });
    });
  }

  async #handOver(rows: readonly Endpoint[], keys: readonly string[], done: Followed, isWhole = false): Promise<void> {
    let [row, key] = [0, 0];
    let first = isWhole ? ({ begin: true } as const) : undefined;
    while (rows.length - row + keys.length - key > ROWS_PER_MESSAGE) {
      const set = rows.slice(row, row + ROWS_PER_MESSAGE);
      const remove = set.length > 0 ? [] : keys.slice(key, key + ROWS_PER_MESSAGE);
      [row, key] = [row + set.length, key + remove.length];
      this.#send({ ...first, set: JSON.stringify(set), remove });
      first = undefined;
      // Many at once would hold up the other side.
      await new Promise<void>((resolve) => this.#untaken.push(resolve));
    }
    this.#send({ ...first, set: JSON.stringify(rows.slice(row)), remove: keys.slice(key), done });
  }
}

function faultText(error: unknown): FaultText {
  const { message } = error as Error;
  if (error instanceof Outgrown) return { message, outgrown: true };
  return error instanceof WaypostError ? { code: error.code, message } : { message };
}
