import { keyOf } from "../address-key.ts";
import { differencesBetween } from "../differences.ts";
import { entryHash, GENESIS } from "../history.ts";
import type { Endpoint } from "../model.ts";
import type { HistoryEntry, TableSnapshot, TableUpdate } from "../store.ts";
import { stepsOf } from "../table.ts";
import { EMPTY_TABLE_HASH, TableHash } from "../table-hash.ts";

/** Which table it is, and at which point of its history. */
export interface Mark {
  /** The hash of the table's first entry: a table that was begun anew has another one. "" before the first change. */
  readonly lineage: string;
  readonly revision: number;
  /** Of the rows. */
  readonly hash: string;
  /** Of the newest entry of the history. */
  readonly chain: string;
}

export const NO_TABLE: Mark = { lineage: "", revision: 0, hash: EMPTY_TABLE_HASH, chain: GENESIS.hash };

/** The table of Redis as this process knows it. Pure: it is told what Redis says. */
export class Mirror {
  #mark: Mark = NO_TABLE;
  #rows = new Map<string, Endpoint>();

  get mark(): Mark {
    return this.#mark;
  }

  get size(): number {
    return this.#rows.size;
  }

  rows(): IterableIterator<Endpoint> {
    return this.#rows.values();
  }

  snapshot(): TableSnapshot {
    const { revision, hash } = this.#mark;
    return { revision, hash, endpoints: [...this.#rows.values()] };
  }

  /**
   * Follows one entry of the history.
   * @returns undefined when the entry does not continue this table, or does not lead to the table that it promises
   */
  follow(entry: HistoryEntry): TableUpdate | undefined {
    const { revision, hash, chain } = this.#mark;
    const { differences, tableHash, omitted } = entry;
    const continues = entry.previousHash === chain && entry.revision > revision && omitted === undefined;
    if (!continues || entryHash(entry) !== entry.hash) {
      return undefined;
    }
    if (new TableHash(hash).apply(differences).toString() !== tableHash) {
      return undefined;
    }
    const { rows, keys } = stepsOf(differences);
    for (const key of keys) {
      this.#rows.delete(key);
    }
    for (const row of rows) {
      this.#rows.set(keyOf(row), row);
    }
    const lineage = this.#mark.lineage || entry.hash;
    this.#mark = { lineage, revision: entry.revision, hash: tableHash, chain: entry.hash };
    return { revision: entry.revision, hash: tableHash, differences };
  }

  /** Takes a whole table over. */
  replace(rows: Map<string, Endpoint>, mark: Mark): TableUpdate {
    const differences = differencesBetween([...this.#rows.values()], [...rows.values()]);
    this.#rows = rows;
    this.#mark = mark;
    return { revision: mark.revision, hash: mark.hash, differences };
  }

  /** Takes over where a table stands whose rows are the same. */
  remark(mark: Mark): void {
    this.#mark = mark;
  }
}
