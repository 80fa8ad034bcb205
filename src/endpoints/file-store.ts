import { stat } from "node:fs/promises";
import type { Drain } from "../drained-address.ts";
import { WaypostError } from "../errors.ts";
import { watchFiles } from "../file-watch.ts";
import { applyDifferences, differencesBetween } from "./differences.ts";
import { DrainFile, withDrain } from "./drain-file.ts";
import { fileError } from "./file-error.ts";
import { withFileLock } from "./file-lock.ts";
import { GatewayFolder } from "./gateway-folder.ts";
import { chainFaults, differencesOverTime, entryOf, GENESIS, selectEntries, undoChanges } from "./history.ts";
import { HistoryFile, type ReadHistory } from "./history-file.ts";
import type { Endpoint } from "./model.ts";
import { Outgrown, refuseOutgrown } from "./outgrown.ts";
import { planChange, type WhyUnable } from "./plan-change.ts";
import { type PlannedChange, Recorder } from "./recorder.ts";
import { RowIndex } from "./row-index.ts";
import type { IsSelf } from "./row-schema.ts";
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
} from "./store.ts";
import { FRESH_MS, type Known, TableFile } from "./table-file.ts";
import { TableHash } from "./table-hash.ts";

export interface FileStoreOptions {
  /** Absolute path of the endpoint file. It need not exist: the first change makes it. Its folder must. */
  readonly path: string;
  /** Tells whether a pool is this gateway itself; absent = never. */
  readonly isSelf?: IsSelf;
  /** Tells why the engine here cannot carry out a row; absent = it always can. */
  readonly whyUnable?: WhyUnable;
  /** How long a change waits for another writer, in milliseconds; 5000 when absent. */
  readonly lockWaitMs?: number;
  /** How many changes the history keeps; 5000 when absent. */
  readonly history?: number;
  /** Bytes that the file, and its history, may have; beyond it each method that reads it rejects with Outgrown. */
  readonly most?: { readonly table: number; readonly history: number };
}

/** How long noting an edit that is in force already may wait for another writer. */
const NOTE_WAIT_MS = 300;

/** How often a change is made anew when a person saves the file again and again meanwhile. */
const ATTEMPTS = 5;

type Find = (key: string) => Endpoint | undefined;

/** What a person wants done; which changes that means depends on the table as it is then. */
interface Wish {
  readonly actor: Actor;
  readonly undoes?: number;
  changes(find: Find, history: ReadHistory): readonly RowChange[];
}

/**
 * The endpoint table in a JSON file that people may read and edit: `{ "revision": 7, "endpoints": [ { … } ] }`.
 *
 * Writers exclude each other with `<file>.lock`; a reader needs no lock, since the file is only ever replaced whole.
 * The revision grows with every accepted change. An edit by hand, which leaves `revision` as it was, counts as one
 * more and gets its entry in the history: see table-file.ts and recorder.ts.
 */
export class FileStore implements EndpointStore {
  readonly path: string;
  readonly #isSelf: IsSelf;
  readonly #whyUnable: WhyUnable | undefined;
  readonly #lockWaitMs: number;
  readonly #file: TableFile;
  readonly #history: HistoryFile;
  readonly #recorder: Recorder;
  readonly #most: FileStoreOptions["most"];
  readonly #watchers = new Set<{ changed: (update: TableUpdate) => void; refused: (error: Error) => void }>();
  #stopWatching: (() => void) | undefined;
  #known: Known | undefined;
  readonly #index = new RowIndex();
  /** The content that note and history beside the file are about, as far as this process could see to it. */
  #settled: string | undefined;
  #state: Pick<StoreHealth, "state" | "reason" | "since"> = { state: "ok", since: now() };
  #currentAt: string | undefined;
  #queue: Promise<unknown> = Promise.resolve();

  constructor(options: FileStoreOptions) {
    this.path = options.path;
    this.#isSelf = options.isSelf ?? (() => false);
    this.#whyUnable = options.whyUnable;
    this.#lockWaitMs = options.lockWaitMs ?? 5000;
    this.#file = new TableFile(options.path, this.#isSelf);
    this.#history = new HistoryFile(() => this.#historyPath(), options.history ?? 5000);
    this.#recorder = new Recorder(this.#file, this.#history);
    this.#most = options.most;
  }

  load(): Promise<TableSnapshot> {
    return this.#inTurn(async () => this.#accept(await this.#read()));
  }

  change(changes: readonly RowChange[], actor: Actor, options: ChangeOptions = {}): Promise<ChangeResult> {
    return this.#inTurn(() => this.#carryOut({ actor, changes: () => changes }, options));
  }

  undo(revision: number, actor: Actor, options: ChangeOptions = {}): Promise<ChangeResult> {
    const changes = (find: Find, { anchor, entries }: ReadHistory) =>
      undoChanges(entryOf(anchor, entries, revision), find);
    return this.#inTurn(() => this.#carryOut({ actor, changes, undoes: revision }, options));
  }

  watch(changed: (update: TableUpdate) => void, refused: (error: Error) => void): () => void {
    const watcher = { changed, refused };
    this.#watchers.add(watcher);
    this.#stopWatching ??= watchFiles([this.path], () => this.#inTurn(() => this.#look()));
    return () => {
      this.#watchers.delete(watcher);
      if (this.#watchers.size === 0) {
        this.#stopWatching?.();
        this.#stopWatching = undefined;
      }
    };
  }

  async history(options: HistoryOptions = {}): Promise<readonly HistoryEntry[]> {
    const { entries } = await this.#upToDateHistory();
    return selectEntries(entries, options);
  }

  async verifyHistory(): Promise<HistoryCheck> {
    const { anchor, entries, faults, tableHash } = await this.#upToDateHistory();
    const [oldest, newest] = [entries[0]?.revision, entries.at(-1)?.revision];
    return {
      entries: entries.length,
      ...(oldest === undefined ? undefined : { oldest }),
      ...(newest === undefined ? undefined : { newest }),
      faults: [...faults, ...chainFaults(anchor, entries, tableHash)],
    };
  }

  async diff(from: number, to: number): Promise<readonly RowDifference[]> {
    const { anchor, entries } = await this.#upToDateHistory();
    return differencesOverTime(anchor, entries, from, to);
  }

  async health(): Promise<StoreHealth> {
    await this.#inTurn(() => this.#look());
    const currentAt = this.#currentAt === undefined ? undefined : { currentAt: this.#currentAt };
    return { kind: "file", place: this.path, ...this.#state, ...currentAt };
  }

  async gateways(): Promise<readonly KnownGateway[]> {
    return (await this.#gatewayFolder()).list(Date.now());
  }

  async reportGateway(report: GatewayReport): Promise<void> {
    try {
      await (await this.#gatewayFolder()).report(report);
    } catch (error) {
      throw fileError("write", `${this.path}.gateways`, error);
    }
  }

  async drains(): Promise<readonly Drain[]> {
    const path = await this.#drainPath();
    const drains = await new DrainFile(path).read().catch((error) => {
      throw fileError("read", path, error);
    });
    return drains ?? [];
  }

  setDrain(place: string, drain: Drain | undefined): Promise<void> {
    return this.#inTurn(() =>
      this.#underLock(async () => {
        const path = await this.#drainPath();
        const file = new DrainFile(path);
        try {
          await file.write(withDrain((await file.read()) ?? [], place, drain));
        } catch (error) {
          throw fileError("write", path, error);
        }
      }),
    );
  }

  async dismissGateway(name: string): Promise<void> {
    await (await this.#gatewayFolder()).dismiss(name);
  }

  settle(decision: "accept" | "restore", actor: Actor): Promise<ChangeResult> {
    return this.#inTurn(() => this.#underLock(() => this.#settleLoss(decision, actor)));
  }

  /** Stops watching and waits for a change that is being written. */
  async close(): Promise<void> {
    this.#watchers.clear();
    this.#stopWatching?.();
    this.#stopWatching = undefined;
    await this.#queue;
  }

  /** Reads and writes of one store object wait for each other; other processes are kept out by the lock. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(work);
    this.#queue = result.catch(() => undefined);
    return result;
  }

  async #underLock<T>(work: () => Promise<T>, waitMs = this.#lockWaitMs): Promise<T> {
    try {
      return await withFileLock(`${await this.#file.realPath()}.lock`, waitMs, work);
    } catch (error) {
      throw error instanceof Outgrown ? error : fileError("write", this.path, error);
    }
  }

  async #read(): Promise<Known> {
    if (this.#most !== undefined) {
      await refuseOutgrown(this.path, this.#most.table);
      await refuseOutgrown(await this.#historyPath(), this.#most.history);
    }
    return this.#file.read(this.#known);
  }

  async #historyPath(): Promise<string> {
    return `${await this.#file.realPath()}.history`;
  }

  async #carryOut(wish: Wish, options: ChangeOptions): Promise<ChangeResult> {
    if (options.dryRun) {
      const current = await this.#read();
      this.#accept(current);
      return this.#result(current, await this.#plan(current, wish, now()));
    }
    return this.#underLock(async () => {
      for (let attempt = 1; ; attempt++) {
        const current = await this.#settleEdit(await this.#read());
        const at = now();
        const differences = await this.#plan(current, wish, at);
        try {
          return await this.#commit(current, { actor: wish.actor, undoes: wish.undoes, differences, at });
        } catch (error) {
          // A person has saved the file in between: their edit stands, and the change is made on top of it.
          if ((error as WaypostError).code !== "CHANGED_MEANWHILE" || attempt === ATTEMPTS) throw error;
        }
      }
    });
  }

  async #commit(
    current: Known,
    change: Pick<PlannedChange, "actor" | "undoes" | "differences" | "at">,
  ): Promise<ChangeResult> {
    if (change.differences.length > 0) {
      const endpoints = applyDifferences(current.endpoints, change.differences);
      const written = await this.#recorder.write(current, { ...change, revision: current.revision + 1, endpoints });
      this.#settled = written.sha256;
      this.#index.follow(current.endpoints, endpoints, change.differences);
      this.#accept(written, change.differences);
    }
    const { revision, hash } = this.#known ?? current;
    return { revision, hash, differences: change.differences };
  }

  async #plan(current: Known, wish: Wish, at: string): Promise<RowDifference[]> {
    const rows = this.#index.of(current.endpoints);
    const find: Find = (key) => rows.get(key);
    const history = wish.undoes === undefined ? undefined : await this.#history.read();
    const changes = wish.changes(find, history ?? NO_HISTORY);
    return planChange(changes, { find, isSelf: this.#isSelf, whyUnable: this.#whyUnable, actor: wish.actor, at });
  }

  #result(current: Known, differences: readonly RowDifference[]): ChangeResult {
    const hash = new TableHash(current.hash).apply(differences).toString();
    return { revision: current.revision, hash, differences };
  }

  /** Looks whether the file has changed. */
  async #look(): Promise<void> {
    try {
      await this.#readSettled();
    } catch (error) {
      if (error instanceof Outgrown) {
        for (const { refused } of this.#watchers) refused(error);
        return;
      }
      // A file that was touched a moment ago may still be in the middle of being written: the next look tells.
      if (!(await this.#isFresh())) {
        this.#refuse(error as WaypostError);
      }
    }
  }

  async #isFresh(): Promise<boolean> {
    const found = await stat(this.path).catch(() => undefined);
    return found !== undefined && Date.now() - found.ctimeMs < FRESH_MS;
  }

  /** The same broken file is reported once. */
  #refuse(error: WaypostError): void {
    if (this.#state.reason !== error.message) {
      const state = error.code === "TABLE_SUSPICIOUS" ? "suspicious" : "refused";
      this.#state = { state, reason: error.message, since: now() };
      for (const { refused } of this.#watchers) {
        refused(error);
      }
    }
  }

  /** The table as it stands in the file, taken over, with an edit of someone else noted as far as this process may. */
  async #readSettled(): Promise<TableSnapshot> {
    const read = await this.#read();
    return this.#accept(read.sha256 === this.#settled ? read : await this.#settleIfPossible(read));
  }

  /** Notes and enters an edit that someone else made, so that every process counts it alike. */
  async #settleIfPossible(read: Known): Promise<Known> {
    try {
      return await this.#underLock(async () => this.#settleEdit(await this.#file.read(read)), NOTE_WAIT_MS);
    } catch (error) {
      if (error instanceof WaypostError && (error.code === "TABLE_INVALID" || error.code === "TABLE_SUSPICIOUS")) {
        throw error;
      }
      // A folder that may only be read: the edit is in force all the same, counted by this process alone.
      this.#settled = read.sha256;
      return read;
    }
  }

  /** The caller holds the lock. */
  async #settleEdit(read: Known): Promise<Known> {
    const settled = await this.#recorder.settle(read, this.#known);
    this.#settled = settled.sha256;
    this.#accept(settled);
    await this.#recorder.note(settled);
    return settled;
  }

  /** The history with the present table entered in it, as far as this process may write. */
  #upToDateHistory(): Promise<ReadHistory & { tableHash: string }> {
    return this.#inTurn(async () => {
      const { hash } = await this.#readSettled();
      try {
        return { ...((await this.#history.read()) ?? NO_HISTORY), tableHash: hash };
      } catch (error) {
        throw fileError("read", `${this.path}.history`, error);
      }
    });
  }

  /** The file has disappeared: goes on with no endpoints, or writes the last table again. The caller holds the lock. */
  async #settleLoss(decision: "accept" | "restore", actor: Actor): Promise<ChangeResult> {
    const lost = await this.#file.lost();
    const { revision, hash, endpoints } = lost;
    if (decision === "restore") {
      const written = await this.#file.write(lost, revision, hash, endpoints);
      this.#settled = written.sha256;
      this.#accept(written);
      return { revision, hash, differences: [] };
    }
    return this.#commit(lost, { actor, differences: endpoints.map((before) => ({ before })), at: now() });
  }

  async #drainPath(): Promise<string> {
    return `${await this.#file.realPath()}.drained`;
  }

  async #gatewayFolder(): Promise<GatewayFolder> {
    return new GatewayFolder(`${await this.#file.realPath()}.gateways`);
  }

  /**
   * Takes over a table that was read or written, and tells the watchers when it is another one than before.
   * @param known what differs from the table before, where that is known
   */
  #accept(read: Known, known?: readonly RowDifference[]): TableSnapshot {
    const before = this.#known;
    this.#known = read;
    this.#currentAt = now();
    if (this.#state.state !== "ok") {
      this.#state = { state: "ok", since: this.#currentAt };
    }
    const { revision, hash, endpoints } = read;
    if (this.#watchers.size > 0 && (before?.endpoints !== endpoints || before.revision !== revision)) {
      const differences = known ?? differencesBetween(before?.endpoints ?? [], endpoints);
      for (const { changed } of this.#watchers) {
        changed({ revision, hash, differences });
      }
    }
    return { revision, hash, endpoints };
  }
}

const NO_HISTORY: ReadHistory = { anchor: GENESIS, entries: [], faults: [] };

function now(): string {
  return new Date().toISOString();
}
