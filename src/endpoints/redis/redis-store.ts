import { setTimeout as sleep } from "node:timers/promises";
import type { Drain } from "../../drained-address.ts";
import { WaypostError } from "../../errors.ts";
import { keyOf } from "../address-key.ts";
import {
  type Anchor,
  chainFaults,
  differencesOverTime,
  entryOf,
  GENESIS,
  nextEntry,
  selectEntries,
  undoChanges,
} from "../history.ts";
import { keysOfChange, planChange, refuseTooLarge, type WhyUnable } from "../plan-change.ts";
import type { IsSelf } from "../row-schema.ts";
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
} from "../store.ts";
import { stepsOf } from "../table.ts";
import { hashOf, TableHash } from "../table-hash.ts";
import { placeOf, type RedisAccess } from "./access.ts";
import { DrainCopy } from "./drain-copy.ts";
import { redisError } from "./explain.ts";
import { FEED_BLOCK_MS, Follower } from "./follower.ts";
import { LastGoodCopy } from "./last-good-copy.ts";
import { openLink, type RedisConnection, whenReady } from "./link.ts";
import { type ReadTable, RedisTable, type Step } from "./redis-table.ts";
import { settleTable } from "./settle-table.ts";

export interface RedisStoreOptions {
  readonly access: RedisAccess;
  /** Tells whether a pool is this gateway itself; absent = never. */
  readonly isSelf?: IsSelf;
  /** Tells why the engine here cannot carry out a row; absent = it always can. */
  readonly whyUnable?: WhyUnable;
  /** How many changes the history keeps; 5000 when absent. */
  readonly history?: number;
  /** Where the last good table is kept on this machine. */
  readonly copy?: string;
  /** True for a gateway, which keeps that copy up to date; others only read it. */
  readonly keepsCopy?: boolean;
  /** How long Redis may take for an answer, in milliseconds; 2000 when absent. */
  readonly answerMs?: number;
}

/** How long a change tries again when other writers are faster. */
const CONTEND_MS = 15_000;

/** A change whose details depend on the table as it is then. */
interface Wish {
  readonly actor: Actor;
  readonly undoes?: number;
  readonly changes: (find: (key: string) => ReturnType<ReadTable["rows"]["get"]>) => readonly RowChange[];
  /** The comparison keys of the rows that it looks at. */
  readonly keys: readonly string[];
}

/**
 * The endpoint table in Redis, for more than one gateway. Calls never wait for it: a gateway serves from memory, and
 * this class follows Redis (follower.ts) and changes it, each change being one step (scripts.ts) that happens only if
 * nothing else has happened since the rows were read.
 */
export class RedisStore implements EndpointStore {
  readonly place: string;
  readonly #options: RedisStoreOptions;
  readonly #answerMs: number;
  readonly #link: RedisConnection;
  readonly #table: RedisTable;
  readonly #follower: Follower;
  readonly #watchers = new Set<{ changed: (update: TableUpdate) => void; refused: (error: Error) => void }>();
  /** Of a gateway: what operators said of addresses, for as long as Redis is away. */
  readonly #drainCopy: DrainCopy | undefined;
  #lastFault: Error | undefined;
  #queue: Promise<unknown> = Promise.resolve();

  /** @throws WaypostError STORE_UNREACHABLE when a file with password or certificates cannot be read */
  constructor(options: RedisStoreOptions) {
    this.#options = options;
    this.place = placeOf(options.access);
    this.#answerMs = options.answerMs ?? 2000;
    this.#link = this.#open(this.#answerMs);
    const keepsCopy = options.keepsCopy === true && options.copy !== undefined;
    this.#drainCopy = keepsCopy ? new DrainCopy(`${options.copy}.drained`) : undefined;
    this.#table = new RedisTable(this.#link, options.access.prefix);
    this.#follower = new Follower({
      table: this.#table,
      place: this.place,
      ready: () => this.#ready(this.#link),
      ...(options.copy === undefined ? undefined : { copy: new LastGoodCopy(options.copy) }),
      keepsCopy: options.keepsCopy ?? false,
      changed: (update) => {
        for (const { changed } of this.#watchers) changed(update);
      },
      refused: (error) => {
        for (const { refused } of this.#watchers) refused(error);
      },
    });
  }

  /** The table of Redis, or of the copy on disk as long as Redis cannot be used: {@link health} tells which. */
  async load(): Promise<TableSnapshot> {
    await this.#follower.open();
    try {
      await this.#follower.sync();
    } catch (error) {
      if (!this.#follower.hasTable) {
        const { copyFault } = this.#follower;
        const { code, message } = error as WaypostError;
        throw copyFault === undefined || code !== "STORE_UNREACHABLE"
          ? error
          : new WaypostError(code, `${message}; the last good copy cannot stand in: ${copyFault}`, { cause: error });
      }
    }
    return this.#follower.mirror.snapshot();
  }

  change(changes: readonly RowChange[], actor: Actor, options: ChangeOptions = {}): Promise<ChangeResult> {
    return this.#inTurn(async () => {
      refuseTooLarge(changes);
      const keys = changes.flatMap(keysOfChange);
      return this.#carryOut({ actor, changes: () => changes, keys }, options);
    });
  }

  undo(revision: number, actor: Actor, options: ChangeOptions = {}): Promise<ChangeResult> {
    return this.#inTurn(async () => {
      const { anchor, entries } = await this.#readHistory();
      const entry = entryOf(anchor, entries, revision);
      const keys = entry.differences.flatMap(({ before, after }) =>
        [before, after].flatMap((row) => (row ? keyOf(row) : [])),
      );
      return this.#carryOut({ actor, undoes: revision, changes: (find) => undoChanges(entry, find), keys }, options);
    });
  }

  watch(changed: (update: TableUpdate) => void, refused: (error: Error) => void): () => void {
    const watcher = { changed, refused };
    this.#watchers.add(watcher);
    this.#follower.start(() => {
      const link = this.#open(FEED_BLOCK_MS + this.#answerMs);
      return { link, ready: () => this.#ready(link) };
    });
    return () => {
      this.#watchers.delete(watcher);
    };
  }

  async history(options: HistoryOptions = {}): Promise<readonly HistoryEntry[]> {
    return selectEntries((await this.#readHistory()).entries, options);
  }

  async verifyHistory(): Promise<HistoryCheck> {
    const { anchor, entries } = await this.#readHistory();
    const rows = await this.#exchange(() => this.#follower.loadRows());
    const [oldest, newest] = [entries[0]?.revision, entries.at(-1)?.revision];
    return {
      entries: entries.length,
      ...(oldest === undefined ? undefined : { oldest }),
      ...(newest === undefined ? undefined : { newest }),
      faults: chainFaults(anchor, entries, hashOf(rows.values())),
    };
  }

  async diff(from: number, to: number): Promise<readonly RowDifference[]> {
    const { anchor, entries } = await this.#readHistory();
    return differencesOverTime(anchor, entries, from, to);
  }

  async health(): Promise<StoreHealth> {
    await this.#follower.open();
    await this.#follower.sync().catch(() => undefined);
    const { warning, ...health } = this.#follower.health;
    const faults = [warning, this.#drainCopy?.fault].filter((fault) => fault !== undefined);
    const warned = faults.length === 0 ? undefined : { warning: faults.join("; ") };
    return { kind: "redis", place: this.place, ...health, ...warned };
  }

  gateways(): Promise<readonly KnownGateway[]> {
    return this.#exchange(() => this.#table.gateways(Date.now()));
  }

  reportGateway(report: GatewayReport): Promise<void> {
    return this.#exchange(() => this.#table.report(report));
  }

  dismissGateway(name: string): Promise<void> {
    return this.#exchange(() => this.#table.dismiss(name));
  }

  /** While Redis is away, a gateway goes by what it knew last, after a restart too. */
  async drains(): Promise<readonly Drain[]> {
    try {
      const drains = await this.#exchange(() => this.#table.drains());
      await this.#drainCopy?.keep(drains);
      return drains;
    } catch (error) {
      const drains = await this.#drainCopy?.recall();
      // Without an answer what is in force stays so; an empty list would take drained addresses into service again.
      if (drains === undefined) throw error;
      return drains;
    }
  }

  setDrain(place: string, drain: Drain | undefined): Promise<void> {
    return this.#exchange(() => this.#table.setDrain(place, drain));
  }

  settle(decision: "accept" | "restore", actor: Actor): Promise<ChangeResult> {
    return this.#inTurn(async () => {
      await this.#follower.open();
      const fault = await this.#follower.sync().then(
        () => undefined,
        (error: WaypostError) => error,
      );
      if (fault === undefined) {
        throw new WaypostError("NOTHING_TO_SETTLE", `${this.place} holds the table that is known here`);
      }
      if (fault.code !== "TABLE_SUSPICIOUS") {
        throw fault;
      }
      const parts = { table: this.#table, follower: this.#follower, place: this.place };
      const result = await this.#exchange(() => settleTable(parts, decision, actor));
      await this.#follower.sync();
      return result;
    });
  }

  async close(): Promise<void> {
    this.#watchers.clear();
    await this.#queue;
    await this.#follower.stop();
    this.#link.disconnect();
  }

  #open(silenceMs: number): RedisConnection {
    try {
      const link = openLink(this.#options.access, silenceMs, (error) => {
        this.#lastFault = error;
      });
      // What was wrong then is no reason for what goes wrong later.
      link.on("ready", () => {
        this.#lastFault = undefined;
      });
      return link;
    } catch (error) {
      throw redisError(this.place, error);
    }
  }

  #ready(link: RedisConnection): Promise<void> {
    return whenReady(link, this.#answerMs, () => this.#lastFault);
  }

  /** Changes of one store object wait for each other. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(work);
    this.#queue = result.catch(() => undefined);
    return result;
  }

  async #exchange<T>(work: () => Promise<T>): Promise<T> {
    try {
      await this.#ready(this.#link);
      return await work();
    } catch (error) {
      throw redisError(this.place, error);
    }
  }

  async #carryOut(wish: Wish, options: ChangeOptions): Promise<ChangeResult> {
    const end = performance.now() + CONTEND_MS;
    for (let attempt = 1; performance.now() < end; attempt++) {
      const result = await this.#exchange(() => this.#attempt(wish, options));
      if (result !== undefined) {
        return result;
      }
      await sleep(Math.random() * Math.min(5 * attempt, 100));
    }
    throw new WaypostError("TABLE_LOCKED", `${this.place}: other writers were faster for ${CONTEND_MS / 1000} seconds`);
  }

  /** Gives undefined when another change came in between. */
  async #attempt(wish: Wish, options: ChangeOptions): Promise<ChangeResult | undefined> {
    const { actor, undoes } = wish;
    const asked = performance.now();
    const read = await this.#table.read(wish.keys);
    await this.#follower.refuseStranger(read);
    const { head } = read;
    const at = new Date().toISOString();
    const find = (key: string) => read.rows.get(key);
    const isSelf = this.#options.isSelf ?? (() => false);
    const differences = planChange(wish.changes(find), {
      find,
      isSelf,
      whyUnable: this.#options.whyUnable,
      actor,
      at,
    });
    const tableHash = new TableHash(head?.hash).apply(differences).toString();
    const revision = head?.revision ?? 0;
    if (options.dryRun || differences.length === 0) {
      return { revision, hash: tableHash, differences };
    }
    const happening = { revision: revision + 1, at, actor, undoes, differences, tableHash };
    const entry = nextEntry(head?.chain ?? GENESIS.hash, happening);
    // Redis's own clock tells when this attempt is given up; what arrives there later does not happen any more.
    const deadlineMs = read.timeMs + (performance.now() - asked) + this.#answerMs;
    if (!(await this.#commit({ head, lineage: head?.lineage ?? entry.hash, entry, count: 0 }, read, deadlineMs))) {
      return undefined;
    }
    if (this.#follower.hasTable) {
      await this.#follower.sync().catch(() => undefined);
    }
    return { revision: entry.revision, hash: tableHash, differences };
  }

  async #commit(step: Step, read: ReadTable, deadlineMs: number): Promise<boolean> {
    const { entry } = step;
    const { rows, keys } = stepsOf(entry.differences);
    const added = entry.differences.reduce((sum, { before, after }) => sum + (after ? 1 : 0) - (before ? 1 : 0), 0);
    const count = (read.head?.count ?? 0) + added;
    const pairs = rows.map((row) => [keyOf(row), row] as const);
    const bound = this.#options.history ?? 5000;
    const sent = performance.now();
    let outcome: Awaited<ReturnType<RedisTable["commit"]>>;
    try {
      outcome = await this.#table.commit({ ...step, count }, keys, pairs, bound, deadlineMs);
    } catch (error) {
      // A server that answered did not do it: a script that fails has done nothing that we have not seen fail.
      if ((error as Error).name === "ReplyError" || (await this.#wasNotDone(entry, deadlineMs, sent, error as Error))) {
        throw error;
      }
      return true;
    }
    if (outcome === "DAMAGED") {
      const has = `${read.rowCount} endpoints, but its last change left ${read.head?.count ?? 0}`;
      throw new WaypostError("TABLE_SUSPICIOUS", `${this.place} holds ${has}`);
    }
    return outcome === "OK";
  }

  /**
   * The connection was lost before the answer came: finds out whether the change was made. It can be made until its
   * deadline, so this waits for that.
   * @throws WaypostError STORE_UNREACHABLE when nobody can tell
   */
  async #wasNotDone(entry: HistoryEntry, deadlineMs: number, sent: number, cause: Error): Promise<boolean> {
    const end = sent + 3 * this.#answerMs;
    while (performance.now() < end) {
      try {
        await this.#ready(this.#link);
        const found = await this.#table.entry(entry.revision);
        if (found !== undefined) {
          return found.hash !== entry.hash;
        }
        if ((await this.#table.read()).timeMs > deadlineMs) {
          return true;
        }
      } catch {
        // Not back yet.
      }
      await sleep(50);
    }
    const unknown = "whether the change was made is seen in the history once it is back";
    throw new WaypostError("STORE_UNREACHABLE", `${redisError(this.place, cause).message}; ${unknown}`, { cause });
  }

  /** All that is kept, the oldest first. */
  #readHistory(): Promise<{ anchor: Anchor; entries: readonly HistoryEntry[] }> {
    return this.#exchange(async () => {
      const entries: HistoryEntry[] = [];
      for await (const page of this.#table.entries()) {
        entries.push(...page);
      }
      const first = entries[0];
      const anchor = first && { ...GENESIS, revision: first.revision - 1, hash: first.previousHash };
      return { anchor: anchor ?? GENESIS, entries };
    });
  }
}
