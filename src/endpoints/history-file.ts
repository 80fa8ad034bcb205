import { type FileHandle, open, readFile, stat } from "node:fs/promises";
import { atomicWrite } from "./atomic-write.ts";
import { type Anchor, GENESIS } from "./history.ts";
import type { HistoryEntry } from "./store.ts";

/** A history as it was read. */
export interface ReadHistory {
  readonly anchor: Anchor;
  /** The oldest first. */
  readonly entries: readonly HistoryEntry[];
  /** Lines that are no entry, as sentences; a last line that is not complete is none of them. */
  readonly faults: readonly string[];
}

/** Bytes at which the history is cut even if it has not reached its number of entries: it is read as a whole. */
const MOST_BYTES = 128 * 1024 * 1024;

/**
 * The history of the endpoint file: `<file>.history`, one line of JSON for each change, the first line being the
 * anchor of the chain. Lines are only ever appended; beyond the bound the file is replaced whole by its newer part.
 * A writer that was stopped in the middle leaves an incomplete last line, which counts for nothing and is cut off by
 * the next one. Who calls `append`, `dropLast` or `start` holds the lock of the endpoint file.
 */
export class HistoryFile {
  readonly #locate: () => Promise<string>;
  readonly #bound: number;
  #seen: { signature: string; bytes: number; history: ReadHistory } | undefined;

  /**
   * @param locate gives the path of the history
   * @param bound how many entries are kept; a tenth more may stand there before the file is cut
   */
  constructor(locate: () => Promise<string>, bound: number) {
    this.#locate = locate;
    this.#bound = bound;
  }

  /** All that is kept; undefined when there is no history yet. */
  async read(): Promise<ReadHistory | undefined> {
    const signature = await this.#signature();
    if (signature === undefined) {
      this.#seen = undefined;
      return undefined;
    }
    if (this.#seen?.signature !== signature) {
      const bytes = await readFile(await this.#locate());
      const whole = bytes.lastIndexOf(NEWLINE) + 1;
      this.#seen = { signature, bytes: whole, history: parse(bytes.subarray(0, whole).toString("utf8")) };
    }
    return this.#seen.history;
  }

  /** Begins a history at a table that was there before it. */
  async start(anchor: Anchor): Promise<void> {
    await atomicWrite(await this.#locate(), [anchorLine(anchor)]);
  }

  /** Adds an entry and waits until it is on the disk. On failure nothing is added. */
  async append(entry: HistoryEntry): Promise<void> {
    const { anchor, entries, faults } = (await this.read()) ?? { anchor: GENESIS, entries: [], faults: [] };
    const start = (this.#seen?.bytes ?? 0) === 0 ? anchorLine(anchor) : "";
    const line = Buffer.from(`${start}${JSON.stringify(entry)}\n`);
    const end = this.#seen?.bytes ?? 0;
    if (entries.length >= this.#bound * 1.1 || end + line.length > MOST_BYTES) {
      await this.#compact(anchor, entries, entry);
      return;
    }
    const handle = await open(await this.#locate(), this.#seen === undefined ? "wx" : "r+", 0o640);
    try {
      await handle.truncate(end);
      await writeAll(handle, line, end);
      await handle.sync();
    } catch (error) {
      await handle.truncate(end).catch(() => undefined);
      throw error;
    } finally {
      await handle.close();
    }
    const history = { anchor, entries: [...entries, entry], faults };
    this.#seen = { signature: (await this.#signature()) ?? "", bytes: end + line.length, history };
  }

  /** Takes the last entry back: its change was announced here but never reached the table. */
  async dropLast(): Promise<void> {
    const bytes = await readFile(await this.#locate());
    const end = bytes.lastIndexOf(NEWLINE);
    const handle = await open(await this.#locate(), "r+");
    try {
      await handle.truncate(bytes.lastIndexOf(NEWLINE, end - 1) + 1);
      await handle.sync();
    } finally {
      await handle.close();
    }
    this.#seen = undefined;
  }

  /** Replaces the file by its newer part and one more entry. */
  async #compact(anchor: Anchor, entries: readonly HistoryEntry[], entry: HistoryEntry): Promise<void> {
    const all = [...entries, entry];
    let from = Math.max(0, all.length - this.#bound);
    let bytes = 0;
    for (let i = all.length - 1; i >= from; i--) {
      bytes += Buffer.byteLength(JSON.stringify(all[i]));
      if (bytes > MOST_BYTES / 2 && i < all.length - 1) {
        from = i + 1;
        break;
      }
    }
    const before = all[from - 1];
    const kept = all.slice(from);
    const lines = kept.map((each) => `${JSON.stringify(each)}\n`);
    const next =
      before === undefined ? anchor : { revision: before.revision, hash: before.hash, tableHash: before.tableHash };
    await atomicWrite(await this.#locate(), [anchorLine(next), ...lines]);
    this.#seen = undefined;
  }

  async #signature(): Promise<string | undefined> {
    try {
      const { ino, size, mtimeNs } = await stat(await this.#locate(), { bigint: true });
      return `${ino}:${size}:${mtimeNs}`;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") {
        return undefined;
      }
      throw error;
    }
  }
}

const NEWLINE = 0x0a;

function anchorLine(anchor: Anchor): string {
  return `${JSON.stringify({ anchor })}\n`;
}

/** A write may be cut short by the file system; then the rest follows, or fails with the reason. */
async function writeAll(handle: FileHandle, bytes: Buffer, position: number): Promise<void> {
  let done = 0;
  while (done < bytes.length) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}

function parse(text: string): ReadHistory {
  let anchor = GENESIS;
  const entries: HistoryEntry[] = [];
  const faults: string[] = [];
  text
    .split("\n")
    .slice(0, -1)
    .forEach((line, index) => {
      try {
        const value = JSON.parse(line) as { anchor?: Anchor } & HistoryEntry;
        if (index === 0 && value.anchor !== undefined) {
          anchor = value.anchor;
        } else if (Number.isInteger(value.revision) && Array.isArray(value.differences)) {
          entries.push(value);
        } else {
          faults.push(`line ${index + 1} of the history is no entry`);
        }
      } catch {
        faults.push(`line ${index + 1} of the history is not readable`);
      }
    });
  return { anchor, entries, faults };
}
