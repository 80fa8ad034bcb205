import { keyOf } from "./address-key.ts";
import type { Endpoint } from "./model.ts";
import { PackedRows } from "./packed-rows.ts";
import type { RowDifference, TableSnapshot } from "./store.ts";
import { TableHash } from "./table-hash.ts";

/** A row in its place in the table, with room for what the routing works out from it once. */
export interface TableEntry {
  readonly endpoint: Endpoint;
  /** Owned by routing/; it lives and dies with the entry. */
  plan: unknown;
}

/** A table to put in force, its hash being worked out from the rows. */
type WholeTable = Pick<TableSnapshot, "revision" | "endpoints"> & Partial<TableSnapshot>;

/** How many entries of rows that were asked for lately are kept ready, in each of two halves. */
const READY = 1_000;

/**
 * The endpoint table that serves calls: rows by comparison key, all in memory. Rows are never changed in place.
 * A look-up and a change of one row cost the same at one row and at a million, and neither makes a call wait: the rows
 * are out of the garbage collector's way (packed-rows.ts).
 */
export class EndpointTable {
  #rows = new PackedRows();
  #hash = new TableHash();
  #revision = 0;
  /** Entries asked for lately, and those before them; what is in neither is made anew when it is asked for. */
  #ready = new Map<string, TableEntry>();
  #readyBefore = new Map<string, TableEntry>();

  constructor(table?: WholeTable) {
    if (table !== undefined) {
      this.replace(table);
    }
  }

  get size(): number {
    return this.#rows.size;
  }

  /** The revision of the table or change that was put in force last. */
  get revision(): number {
    return this.#revision;
  }

  /** The hash of the rows in force; see table-hash.ts. */
  get hash(): string {
    return this.#hash.toString();
  }

  /** The row with this key (see addressKey), enabled or not. */
  find(key: string): Endpoint | undefined {
    return this.entry(key)?.endpoint;
  }

  /** The same for the routing, which keeps its plan beside the row. */
  entry(key: string): TableEntry | undefined {
    const ready = this.#ready.get(key);
    if (ready !== undefined) {
      return ready;
    }
    let entry = this.#readyBefore.get(key);
    if (entry === undefined) {
      const endpoint = this.#rows.get(key);
      if (endpoint === undefined) {
        return undefined;
      }
      entry = { endpoint, plan: undefined };
    }
    if (this.#ready.size >= READY) {
      this.#readyBefore = this.#ready;
      this.#ready = new Map();
    }
    this.#ready.set(key, entry);
    return entry;
  }

  /** Every row, in no particular order. */
  all(): IterableIterator<Endpoint> {
    return this.#rows.all();
  }

  /** Puts a whole table in force, in one go. */
  replace({ endpoints, revision }: WholeTable): void {
    this.#rows = new PackedRows();
    this.#hash = new TableHash();
    this.#ready = new Map();
    this.#readyBefore = new Map();
    for (const endpoint of endpoints) {
      this.set(endpoint);
    }
    this.complete(revision);
  }

  /** Puts in force what is in another table, which is of no use any more then. */
  takeOver(other: EndpointTable): void {
    this.#rows = other.#rows;
    this.#hash = other.#hash;
    this.#revision = other.#revision;
    this.#ready = new Map();
    this.#readyBefore = new Map();
  }

  /** Puts the rows of one committed change in force, all at once. */
  apply(differences: readonly RowDifference[], revision: number): void {
    const { rows, keys } = stepsOf(differences);
    for (const row of rows) {
      this.set(row);
    }
    for (const key of keys) {
      this.delete(key);
    }
    this.complete(revision);
  }

  /** One step of a large change: puts a row in its place. */
  set(endpoint: Endpoint): void {
    const key = keyOf(endpoint);
    this.#forget(key, this.#rows.set(key, endpoint));
    this.#hash.add(endpoint);
  }

  /** One step of a large change: takes the row at a key out, if there is one. */
  delete(key: string): void {
    this.#forget(key, this.#rows.delete(key));
  }

  /** Ends the steps of a large change. */
  complete(revision: number): void {
    this.#revision = revision;
  }

  #forget(key: string, before: Endpoint | undefined): void {
    if (before !== undefined) {
      this.#hash.remove(before);
      this.#ready.delete(key);
      this.#readyBefore.delete(key);
    }
  }
}

/**
 * A change as steps in an order in which no address that stays is ever without a row: first the rows to put in their
 * places, then the keys that have none any more.
 */
export function stepsOf(differences: readonly RowDifference[]): { rows: Endpoint[]; keys: Set<string> } {
  const rows: Endpoint[] = [];
  const keys = new Set<string>();
  for (const { before } of differences) {
    if (before !== undefined) {
      keys.add(keyOf(before));
    }
  }
  for (const { after } of differences) {
    if (after !== undefined) {
      keys.delete(keyOf(after));
      rows.push(after);
    }
  }
  return { rows, keys };
}
