import { setTimeout as sleep } from "node:timers/promises";
import { WaypostError } from "../../errors.ts";
import { keyOf } from "../address-key.ts";
import type { Endpoint } from "../model.ts";
import type { HistoryEntry, StoreHealth, TableUpdate } from "../store.ts";
import { stepsOf } from "../table.ts";
import { hashOf } from "../table-hash.ts";
import { CopyKeeper } from "./copy-keeper.ts";
import { redisError } from "./explain.ts";
import type { LastGoodCopy } from "./last-good-copy.ts";
import type { RedisConnection } from "./link.ts";
import { type Mark, Mirror, NO_TABLE } from "./mirror.ts";
import { type Head, parseEntry, type ReadTable, type RedisTable } from "./redis-table.ts";

export interface FollowerOptions {
  readonly table: RedisTable;
  /** Redis's address for people. */
  readonly place: string;
  /** Resolves when commands can be sent. */
  readonly ready: () => Promise<void>;
  readonly copy?: LastGoodCopy;
  /** True for a gateway, which keeps the copy up to date; others only read it. */
  readonly keepsCopy: boolean;
  readonly changed: (update: TableUpdate) => void;
  readonly refused: (error: WaypostError) => void;
}

/** How long one read of the feed waits for news; then the table's head is looked at in any case. */
export const FEED_BLOCK_MS = 1000;
/** Between two looks while Redis is away or holds what cannot be used. */
const RETRY_MS = 500;

/** Makes the connection that waits for news. */
export type OpenFeed = () => { readonly link: RedisConnection; readonly ready: () => Promise<void> };

/**
 * Keeps a process at the table of Redis: from its copy on disk at the start, then along the entries of the history
 * from where it stands; the whole table is read only when entries are missing. What is stored is followed only if it
 * continues what is known: a table that is suddenly empty, or another one, waits for a person's word.
 */
export class Follower {
  readonly mirror = new Mirror();
  readonly #options: FollowerOptions;
  readonly #keeper: CopyKeeper | undefined;
  readonly #stop = new AbortController();
  #queue: Promise<unknown> = Promise.resolve();
  #opened: Promise<void> | undefined;
  #state: Pick<StoreHealth, "state" | "reason" | "since"> = { state: "ok", since: now() };
  #currentAt: string | undefined;
  /** Why the copy on disk cannot be used. */
  #copyFault: string | undefined;
  #following: Promise<void> | undefined;

  constructor(options: FollowerOptions) {
    this.#options = options;
    this.#keeper = options.copy && options.keepsCopy ? new CopyKeeper(options.copy, this.mirror) : undefined;
  }

  /** True once there is a table to serve, from Redis or from the copy. */
  get hasTable(): boolean {
    return this.mirror.mark !== NO_TABLE || this.#currentAt !== undefined;
  }

  get health(): Pick<StoreHealth, "state" | "reason" | "since" | "currentAt" | "warning"> {
    const warning = this.#keeper?.fault;
    return {
      ...this.#state,
      ...(this.#currentAt === undefined ? undefined : { currentAt: this.#currentAt }),
      ...(warning === undefined ? undefined : { warning }),
    };
  }

  /** Why the copy on disk could not be taken for a start: a sentence that begins with its path. */
  get copyFault(): string | undefined {
    return this.#copyFault;
  }

  /** Takes the copy on disk for a start. A damaged one is not served, but it shows that there was a table. */
  open(): Promise<void> {
    this.#opened ??= this.#inTurn(async () => {
      const last = await this.#options.copy?.read().catch((error: Error) => {
        this.#copyFault = error.message;
      });
      if (last !== undefined && this.mirror.mark === NO_TABLE) {
        this.mirror.replace(last.rows, last.mark);
        this.#currentAt = last.currentAt;
      }
    });
    return this.#opened;
  }

  /**
   * Brings the mirror to where Redis is now.
   * @throws WaypostError STORE_UNREACHABLE, TABLE_SUSPICIOUS or TABLE_INVALID; the mirror is then as it was
   */
  sync(): Promise<void> {
    return this.#inTurn(async () => {
      try {
        await this.#options.ready();
        await this.#sync();
        this.#isCurrent();
      } catch (error) {
        throw this.#failed(redisError(this.#options.place, error));
      }
    });
  }

  /** Follows until `stop`. */
  start(openFeed: OpenFeed): void {
    this.#following ??= this.#follow(openFeed);
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#following;
    await this.#queue;
    await this.#keeper?.close();
  }

  /** A table of the whole of Redis, whatever the mirror has. @throws what `sync` throws */
  async loadWhole(): Promise<{ rows: Map<string, Endpoint>; mark: Mark; head: Head | undefined }> {
    for (let attempt = 1; ; attempt++) {
      const { head } = await this.#options.table.read();
      const rows = await this.loadRows();
      const mark = head === undefined ? NO_TABLE : await this.#catchUpWith(rows, toMark(head));
      if (hashOf(rows.values()) === mark.hash) {
        return { rows, mark, head };
      }
      if (attempt === 3) {
        throw suspicious(
          `${this.#options.place} holds rows that are not those of its history (revision ${mark.revision})`,
        );
      }
    }
  }

  /** The rows of Redis as they are, whether or not they fit their history. */
  async loadRows(): Promise<Map<string, Endpoint>> {
    const rows = new Map<string, Endpoint>();
    for await (const chunk of this.#options.table.scan()) {
      for (const [key, row] of chunk) {
        rows.set(key, row);
      }
    }
    return rows;
  }

  /**
   * Sees to it that what is stored comes from what is known here, if only by the copy on disk.
   * @throws WaypostError TABLE_SUSPICIOUS
   */
  async refuseStranger(read: ReadTable): Promise<void> {
    if (this.hasTable) {
      this.#refuseStranger(read, this.mirror.mark, this.mirror.size);
    } else {
      const mark = await this.#options.copy?.readMark().catch((error: Error) => {
        this.#copyFault = error.message;
      });
      this.#refuseStranger(read, mark ?? NO_TABLE, mark?.count ?? 0);
    }
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(work);
    this.#queue = result.catch(() => undefined);
    return result;
  }

  async #sync(): Promise<void> {
    const read = await this.#options.table.read();
    const { mark } = this.mirror;
    const { head } = read;
    if (head === undefined && read.rowCount === 0 && mark.revision === 0) {
      this.#refuseStranger(read, mark, 0);
      return;
    }
    if (head !== undefined && read.rowCount === head.count) {
      if (head.chain === mark.chain && head.revision === mark.revision) {
        if (head.lineage !== mark.lineage) {
          this.mirror.remark({ ...mark, lineage: head.lineage });
        }
        return;
      }
      const isOurs = head.lineage === mark.lineage || mark === NO_TABLE;
      if (isOurs && head.revision > mark.revision && mark.revision > 0 && (await this.#catchUp())) {
        return;
      }
    }
    await this.#reload(read);
  }

  /** Follows the entries since the mirror's revision. Gives false when they do not lead on from there. */
  async #catchUp(): Promise<boolean> {
    for await (const page of this.#options.table.entries(this.mirror.mark.revision + 1)) {
      for (const entry of page) {
        if (!this.#followEntry(entry)) {
          return false;
        }
      }
    }
    return true;
  }

  #followEntry(entry: HistoryEntry): boolean {
    const update = this.mirror.follow(entry);
    if (update === undefined) {
      return false;
    }
    this.#options.changed(update);
    this.#keeper?.changed();
    return true;
  }

  async #reload(read: ReadTable): Promise<void> {
    const known = this.mirror.mark;
    const had = count(this.mirror.size);
    this.#refuseStranger(read, known, this.mirror.size);
    const { rows, mark } = await this.loadWhole();
    if (rows.size === 0 && this.mirror.size > 0 && mark.lineage === known.lineage) {
      throw suspicious(`${this.#options.place} is suddenly empty at revision ${mark.revision}; it had ${had}`);
    }
    const update = this.mirror.replace(rows, mark);
    this.#copyFault = undefined;
    const wentBack = mark.lineage === known.lineage && mark.revision <= known.revision;
    const warning =
      `${this.#options.place} went back from revision ${known.revision} to ${mark.revision}: the last changes are lost, ` +
      "as after a failover to a replica that did not have them yet";
    this.#options.changed(wentBack ? { ...update, warning } : update);
    this.#keeper?.changed();
  }

  #refuseStranger({ head, rowCount }: ReadTable, known: Mark, rows: number): void {
    const { place } = this.#options;
    const had = `${count(rows)} at revision ${known.revision}`;
    if (head === undefined) {
      if (rowCount > 0) {
        throw suspicious(`${place} holds rows without their history`);
      }
      if (known.revision > 0) {
        throw suspicious(`${place} is suddenly empty; it had ${had}`);
      }
      if (this.#copyFault !== undefined) {
        throw suspicious(`${place} is empty, though there was a table here: the last good copy ${this.#copyFault}`);
      }
      return;
    }
    if (rowCount !== head.count) {
      throw suspicious(`${place} holds ${count(rowCount)}, but its last change left ${head.count}`);
    }
    if (known.revision > 0 && head.lineage !== known.lineage && !head.replaces.includes(known.lineage)) {
      const has = `${count(head.count)} at revision ${head.revision}`;
      throw suspicious(`${place} holds another table, with ${has}; the one known here had ${had}`);
    }
  }

  /** Puts into rows what has happened while they were read. Gives where they stand then. */
  async #catchUpWith(rows: Map<string, Endpoint>, from: Mark): Promise<Mark> {
    let mark = from;
    for await (const page of this.#options.table.entries(from.revision + 1)) {
      for (const entry of page) {
        const steps = stepsOf(entry.differences);
        for (const key of steps.keys) {
          rows.delete(key);
        }
        for (const row of steps.rows) {
          rows.set(keyOf(row), row);
        }
        mark = { ...mark, revision: entry.revision, hash: entry.tableHash, chain: entry.hash };
      }
    }
    return mark;
  }

  async #follow(openFeed: OpenFeed): Promise<void> {
    const { signal } = this.#stop;
    let feed: ReturnType<OpenFeed> | undefined;
    signal.addEventListener("abort", () => feed?.link.disconnect());
    while (!signal.aborted) {
      try {
        await this.sync();
        feed ??= openFeed();
        await feed.ready();
        await this.#read(feed.link, signal);
      } catch (error) {
        if (!signal.aborted) {
          this.#failed(redisError(this.#options.place, error));
          await sleep(RETRY_MS, undefined, { signal, ref: false }).catch(() => undefined);
        }
      }
    }
    feed?.link.disconnect();
  }

  async #read(link: RedisConnection, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const from = `${this.mirror.mark.revision}-0`;
      const { changes } = this.#options.table.keys;
      const reply = await link.xread("COUNT", 200, "BLOCK", FEED_BLOCK_MS, "STREAMS", changes, from);
      const followed = await this.#inTurn(async () => {
        const entries = (reply?.[0]?.[1] ?? []).map(([, fields]) => parseEntry(fields));
        const fresh = entries.filter(({ revision }) => revision > this.mirror.mark.revision);
        return fresh.length > 0 && fresh.every((entry) => this.#followEntry(entry));
      });
      if (followed) {
        this.#isCurrent();
      } else {
        await this.sync();
      }
    }
  }

  #isCurrent(): void {
    this.#currentAt = now();
    this.#keeper?.current();
    if (this.#state.state !== "ok") {
      this.#state = { state: "ok", since: this.#currentAt };
    }
  }

  #failed(error: WaypostError): WaypostError {
    const state =
      error.code === "STORE_UNREACHABLE" ? "unreachable" : error.code === "TABLE_SUSPICIOUS" ? "suspicious" : "refused";
    const isNews = this.#state.state !== state;
    this.#state = { state, reason: error.message, since: isNews ? now() : this.#state.since };
    if (isNews) {
      this.#options.refused(error);
    }
    return error;
  }
}

function toMark({ lineage, revision, hash, chain }: Head): Mark {
  return { lineage, revision, hash, chain };
}

function suspicious(message: string): WaypostError {
  return new WaypostError("TABLE_SUSPICIOUS", message);
}

function count(rows: number): string {
  return `${rows} ${rows === 1 ? "endpoint" : "endpoints"}`;
}

function now(): string {
  return new Date().toISOString();
}
