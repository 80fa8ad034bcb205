import { keyOf } from "./address-key.ts";
import type { Endpoint } from "./model.ts";
import { type FoundRow, PackedRows } from "./packed-rows.ts";
import { rowText } from "./row-text.ts";
import type { RowDifference, TableSnapshot } from "./store.ts";
import { TableHash } from "./table-hash.ts";
import type { TreatmentSettings } from "./treatments.ts";

/** A table to put in force, its hash being worked out from the rows. */
type WholeTable = Pick<TableSnapshot, "revision" | "endpoints"> & Partial<TableSnapshot>;

/**
 * The endpoint table that serves calls: rows by comparison key, all in memory. Rows are never changed in place.
 * A look-up and a change of one row cost the same at one row and at a million, and neither makes a call wait: the rows
 * are out of the garbage collector's way (packed-rows.ts).
 */
export class EndpointTable {
  #rows = new PackedRows();
  #hash = new TableHash();
  #revision = 0;

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
    return this.#rows.get(key);
  }

  /** As much of it as the routing needs, at the cost that a call may have. */
  findForCall(key: string): FoundRow | undefined {
    return this.#rows.find(key);
  }

  /** The different settings of all rows, for who need not look at each row; undefined where only the rows tell them. */
  get settings(): readonly TreatmentSettings[] | undefined {
    return this.#rows.settings;
  }

  /** Every row, in no particular order. */
  all(): IterableIterator<Endpoint> {
    return this.#rows.all();
  }

  /** Puts a whole table in force, in one go. */
  replace({ endpoints, revision }: WholeTable): void {
    this.#rows = new PackedRows();
    this.#hash = new TableHash();
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
    const text = rowText(endpoint);
    this.#forget(this.#rows.set(key, endpoint, text));
    this.#hash.addText(text);
  }

  /** One step of a large change: takes the row at a key out, if there is one. */
  delete(key: string): void {
    this.#forget(this.#rows.delete(key));
  }

  /** Ends the steps of a large change. */
  complete(revision: number): void {
    this.#revision = revision;
  }

  #forget(before: Endpoint | undefined): void {
    if (before !== undefined) {
      this.#hash.remove(before);
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
