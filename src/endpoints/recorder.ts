import { differencesBetween } from "./differences.ts";
import { type Anchor, GENESIS, nextEntry } from "./history.ts";
import type { HistoryFile, ReadHistory } from "./history-file.ts";
import type { Endpoint } from "./model.ts";
import type { Actor, HistoryEntry, RowDifference } from "./store.ts";
import type { Known, TableFile } from "./table-file.ts";
import { hashOf, TableHash } from "./table-hash.ts";

/** A change that is about to be written. */
export interface PlannedChange {
  readonly revision: number;
  readonly endpoints: readonly Endpoint[];
  readonly differences: readonly RowDifference[];
  readonly actor: Actor;
  readonly undoes?: number | undefined;
  readonly at: string;
}

/**
 * Keeps the endpoint file and its history in step. Its methods are for the holder of the lock.
 *
 * A change is entered in the history first and written to the table then. If the writer is stopped in between, the
 * history has an entry whose change never happened; the next writer sees it by revision and hash, and drops it. So the
 * table alone decides what is in force, and each of its states has its entry.
 */
export class Recorder {
  readonly #file: TableFile;
  readonly #history: HistoryFile;

  constructor(file: TableFile, history: HistoryFile) {
    this.#file = file;
    this.#history = history;
  }

  /**
   * Enters what happened to the file without us: an edit by hand, or a change whose writer was stopped halfway.
   * @param read the file as it is now
   * @param known what this process knew before, if anything
   * @returns the same table; its revision is higher if the history is ahead of it
   */
  async settle(read: Known, known: Known | undefined): Promise<Known> {
    if (read.sha256 === undefined) {
      return read;
    }
    const history = await this.#history.read();
    if (history === undefined) {
      await this.#history.start({ ...GENESIS, revision: read.revision, tableHash: read.hash });
    }
    return history === undefined ? read : await this.#enter(read, known, history);
  }

  /** Notes beside the file what is in force, for whoever comes next. */
  async note(settled: Known): Promise<void> {
    if (!(await this.#file.isNoted(settled))) {
      await this.#file.note(settled);
    }
  }

  /** Commits a change: its entry, then the table. @throws the system's error; nothing is changed then */
  async write(current: Known, change: PlannedChange): Promise<Known> {
    const tableHash = new TableHash(current.hash).apply(change.differences).toString();
    await this.#history.append(nextEntry((await this.#last()).hash, { ...change, tableHash }));
    try {
      return await this.#file.write(current, change.revision, tableHash, change.endpoints);
    } catch (error) {
      await this.#history.dropLast().catch(() => undefined);
      throw error;
    }
  }

  async #enter(read: Known, known: Known | undefined, history: ReadHistory): Promise<Known> {
    let last = lastOf(history);
    if (last.tableHash !== read.hash && (await this.#isUnfinished(last, read))) {
      await this.#history.dropLast();
      last = await this.#last();
    }
    if (last.tableHash === read.hash) {
      return read;
    }
    const revision = Math.max(read.revision, last.revision + 1);
    const before = await this.#rows(last.tableHash, known);
    const happening = {
      revision,
      at: read.modifiedAt,
      actor: { name: "file", source: "file" },
      differences: differencesBetween(before ?? [], read.endpoints),
      tableHash: read.hash,
    } as const;
    await this.#history.append(nextEntry(last.hash, happening, before !== undefined));
    return { ...read, revision };
  }

  /** True for an entry whose table never came to be. An edit by hand is entered only after the fact. */
  async #isUnfinished(last: Anchor | HistoryEntry, read: Known): Promise<boolean> {
    return (
      "actor" in last &&
      last.actor.source !== "file" &&
      last.revision > read.ownRevision &&
      last.revision > (await this.#file.notedRevision())
    );
  }

  /** The rows that have this hash, if they are still to be found. */
  async #rows(tableHash: string, known: Known | undefined): Promise<readonly Endpoint[] | undefined> {
    if (known?.hash === tableHash) {
      return known.endpoints;
    }
    const rows = (await this.#file.last())?.rows;
    return rows !== undefined && hashOf(rows) === tableHash ? rows : undefined;
  }

  async #last(): Promise<Anchor | HistoryEntry> {
    return lastOf(await this.#history.read());
  }
}

function lastOf(history: ReadHistory | undefined): Anchor | HistoryEntry {
  return history?.entries.at(-1) ?? history?.anchor ?? GENESIS;
}
