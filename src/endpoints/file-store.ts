import { createHash } from "node:crypto";
import { readFile, realpath, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { WaypostError } from "../errors.ts";
import { watchFiles } from "../file-watch.ts";
import { adoptRows } from "./adopt-rows.ts";
import { atomicWrite } from "./atomic-write.ts";
import { applyDifferences, differencesBetween } from "./differences.ts";
import { fileError } from "./file-error.ts";
import { withFileLock } from "./file-lock.ts";
import type { Endpoint } from "./model.ts";
import { planChange } from "./plan-change.ts";
import { readNote, revisionOf, writeNote } from "./revision-note.ts";
import type { IsSelf } from "./row-schema.ts";
import type {
  Actor,
  ChangeOptions,
  ChangeResult,
  EndpointStore,
  HistoryCheck,
  HistoryEntry,
  KnownGateway,
  RowChange,
  RowDifference,
  StoreHealth,
  TableSnapshot,
  TableUpdate,
} from "./store.ts";
import { keyOf } from "./table.ts";
import { EMPTY_TABLE_HASH, hashOf, TableHash } from "./table-hash.ts";
import { parseTable, tableText } from "./table-text.ts";

export interface FileStoreOptions {
  /** Absolute path of the endpoint file. It need not exist: the first change makes it. Its folder must. */
  readonly path: string;
  /** Tells whether a pool is this gateway itself; absent = never. */
  readonly isSelf?: IsSelf;
  /** How long a change waits for another writer, in milliseconds; 5000 when absent. */
  readonly lockWaitMs?: number;
}

/** The table as it was read last, and what tells whether the file still holds it. */
interface Known extends TableSnapshot {
  /** File identity, size and times; undefined when there is no file, or when it is too fresh to rely on its times. */
  readonly signature: string | undefined;
  /** SHA-256 of the file's bytes; undefined when there is no file. */
  readonly sha256: string | undefined;
}

/** Times of a file are only as fine as the kernel's clock; a file this young may change again without a trace. */
const FRESH_MS = 100;
/** How long noting an edit that is in force already may wait for another writer. */
const NOTE_WAIT_MS = 300;

interface Watcher {
  readonly changed: (update: TableUpdate) => void;
  readonly refused: (error: Error) => void;
}

/**
 * The endpoint table in a JSON file that people may read and edit: `{ "revision": 7, "endpoints": [ { … } ] }`.
 *
 * Writers exclude each other with `<file>.lock`; a reader needs no lock, since the file is only ever replaced whole.
 * The revision grows with every accepted change. An edit by hand, which leaves `revision` as it was, counts as one
 * more: `<file>.state` notes what was in force last (see revision-note.ts), and the next write continues from there.
 */
export class FileStore implements EndpointStore {
  readonly path: string;
  readonly #isSelf: IsSelf;
  readonly #lockWaitMs: number;
  readonly #watchers = new Set<Watcher>();
  #stopWatching: (() => void) | undefined;
  #known: Known | undefined;
  /** What was refused last, so that the same broken file is reported once. */
  #refusal: string | undefined;
  /** The content that the note beside the file is about, as far as this process could see to it. */
  #noted: string | undefined;
  #queue: Promise<unknown> = Promise.resolve();

  constructor(options: FileStoreOptions) {
    this.path = options.path;
    this.#isSelf = options.isSelf ?? (() => false);
    this.#lockWaitMs = options.lockWaitMs ?? 5000;
  }

  load(): Promise<TableSnapshot> {
    return this.#inTurn(async () => this.#accept(await this.#read()));
  }

  change(changes: readonly RowChange[], actor: Actor, options: ChangeOptions = {}): Promise<ChangeResult> {
    return this.#inTurn(() => (options.dryRun ? this.#preview(changes, actor) : this.#commit(changes, actor)));
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

  history(): Promise<readonly HistoryEntry[]> {
    return notYet();
  }

  verifyHistory(): Promise<HistoryCheck> {
    return notYet();
  }

  diff(): Promise<readonly RowDifference[]> {
    return notYet();
  }

  undo(): Promise<ChangeResult> {
    return notYet();
  }

  health(): Promise<StoreHealth> {
    return notYet();
  }

  gateways(): Promise<readonly KnownGateway[]> {
    return notYet();
  }

  reportGateway(): Promise<void> {
    return notYet();
  }

  settle(): Promise<ChangeResult> {
    return notYet();
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

  async #preview(changes: readonly RowChange[], actor: Actor): Promise<ChangeResult> {
    const current = await this.#read();
    this.#accept(current);
    const differences = this.#plan(current, changes, actor);
    return { revision: current.revision, hash: new TableHash(current.hash).apply(differences).toString(), differences };
  }

  async #commit(changes: readonly RowChange[], actor: Actor): Promise<ChangeResult> {
    const file = await realPath(this.path);
    try {
      return await withFileLock(`${file}.lock`, this.#lockWaitMs, async () => {
        const current = await this.#read();
        this.#accept(current);
        const differences = this.#plan(current, changes, actor);
        if (differences.length === 0) {
          return { revision: current.revision, hash: current.hash, differences };
        }
        const revision = current.revision + 1;
        const endpoints = applyDifferences(current.endpoints, differences);
        const hash = new TableHash(current.hash).apply(differences).toString();
        const sha256 = await atomicWrite(file, tableText(revision, endpoints));
        this.#accept({ revision, hash, endpoints, sha256, signature: undefined });
        await writeNote(file, { revision, sha256 });
        this.#noted = sha256;
        return { revision, hash, differences };
      });
    } catch (error) {
      throw fileError("write", this.path, error);
    }
  }

  #plan(current: TableSnapshot, changes: readonly RowChange[], actor: Actor): RowDifference[] {
    const rows = new Map(current.endpoints.map((row) => [keyOf(row), row]));
    const at = new Date().toISOString();
    return planChange(changes, { find: (key) => rows.get(key), isSelf: this.#isSelf, actor, at });
  }

  async #look(): Promise<void> {
    try {
      const read = await this.#read();
      this.#accept(read.sha256 === this.#noted ? read : await this.#note(read));
      this.#refusal = undefined;
    } catch (error) {
      const refusal = error as Error;
      // A file that was touched a moment ago may still be in the middle of being written: the next look tells.
      if (this.#refusal !== refusal.message && !(await this.#isFresh())) {
        this.#refusal = refusal.message;
        for (const { refused } of this.#watchers) {
          refused(refusal);
        }
      }
    }
  }

  async #isFresh(): Promise<boolean> {
    const found = await stat(this.path).catch(() => undefined);
    return found !== undefined && Date.now() - found.ctimeMs < FRESH_MS;
  }

  /** Notes an edit that someone else made, so that every process counts it alike. */
  async #note(read: Known): Promise<Known> {
    this.#noted = read.sha256;
    const file = await realPath(this.path);
    try {
      return await withFileLock(`${file}.lock`, NOTE_WAIT_MS, async () => {
        const settled = await this.#read();
        const note = await readNote(file);
        if (settled.sha256 !== undefined && (note?.sha256 !== settled.sha256 || note.revision !== settled.revision)) {
          await writeNote(file, { revision: settled.revision, sha256: settled.sha256 });
        }
        this.#noted = settled.sha256;
        return settled;
      });
    } catch (error) {
      if (error instanceof WaypostError && error.code === "TABLE_INVALID") {
        throw error;
      }
      // A folder that may only be read: the edit is in force all the same, counted by this process alone.
      return read;
    }
  }

  /** Reads the file unless it still is what was read last. */
  async #read(): Promise<Known> {
    const known = this.#known;
    try {
      const found = await stat(this.path, { bigint: true }).catch(undefinedIfMissing);
      if (found === undefined) {
        return await this.#readMissing();
      }
      const signature = `${found.dev}:${found.ino}:${found.size}:${found.mtimeNs}:${found.ctimeNs}`;
      if (known !== undefined && known.signature === signature) {
        return known;
      }
      const isFresh = Date.now() - Number(found.ctimeMs) < FRESH_MS;
      const bytes = await readFile(this.path).catch(undefinedIfMissing);
      if (bytes === undefined) {
        return await this.#readMissing();
      }
      const sha256 = createHash("sha256").update(bytes).digest("hex");
      const settled = isFresh ? undefined : signature;
      if (known?.sha256 === sha256) {
        return { ...known, signature: settled };
      }
      const stored = parseTable(bytes, this.path, this.#isSelf);
      const endpoints = adoptRows(stored.rows, known?.endpoints ?? [], found.mtime.toISOString());
      const noted = revisionOf(stored.revision, sha256, await readNote(await realPath(this.path)));
      return {
        revision: nextRevision(stored.revision, noted, endpoints, known),
        hash: endpoints === known?.endpoints ? known.hash : hashOf(endpoints),
        endpoints,
        signature: settled,
        sha256,
      };
    } catch (error) {
      throw fileError("read", this.path, error);
    }
  }

  /** No file is an empty table, but not where there was one before: losing every endpoint needs more than that. */
  async #readMissing(): Promise<Known> {
    if (this.#known?.sha256 !== undefined) {
      throw new WaypostError("TABLE_UNREADABLE", `${this.path} has disappeared`);
    }
    const note = await readNote(await realPath(this.path));
    const revision = note === undefined ? 0 : note.revision + 1;
    return this.#known ?? { revision, hash: EMPTY_TABLE_HASH, endpoints: [], signature: undefined, sha256: undefined };
  }

  /** Takes over a table that was read or written, and tells the watchers when it is another one than before. */
  #accept(read: Known): TableSnapshot {
    const before = this.#known;
    this.#known = read;
    const { revision, hash, endpoints } = read;
    if (this.#watchers.size > 0 && (before?.endpoints !== endpoints || before.revision !== revision)) {
      const differences = differencesBetween(before?.endpoints ?? [], endpoints);
      for (const { changed } of this.#watchers) {
        changed({ revision, hash, differences });
      }
    }
    return { revision, hash, endpoints };
  }
}

/** With other rows than before the revision grows, whatever the file says; with the same rows only if the file says so. */
function nextRevision(own: number, noted: number, endpoints: readonly Endpoint[], known: Known | undefined): number {
  if (known === undefined) {
    return noted;
  }
  return endpoints === known.endpoints ? Math.max(own, known.revision) : Math.max(noted, known.revision + 1);
}

/** Where the file really is: a symbolic link is followed, so that a write replaces the file and not the link. */
async function realPath(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch {
    return join(await realpath(dirname(path)).catch(() => dirname(path)), basename(path));
  }
}

function undefinedIfMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== "ENOENT") {
    throw error;
  }
}

function notYet(): Promise<never> {
  return Promise.reject(new Error("not built yet"));
}
