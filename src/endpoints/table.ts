import { addressKey } from "./address-key.ts";
import type { Endpoint } from "./model.ts";
import type { RowDifference, TableSnapshot } from "./store.ts";

/** A row in its place in the table, with room for what the routing works out from it once. */
export interface TableEntry {
  readonly endpoint: Endpoint;
  /** Owned by routing/; it lives and dies with the row. */
  plan: unknown;
}

/**
 * The endpoint table that serves calls: rows by comparison key, all in memory. Rows are never changed in place.
 * A look-up and a change of one row cost the same at one row and at a million.
 */
export class EndpointTable {
  #entries = new Map<string, TableEntry>();
  #revision = 0;

  constructor(snapshot?: TableSnapshot) {
    if (snapshot !== undefined) {
      this.replace(snapshot);
    }
  }

  get size(): number {
    return this.#entries.size;
  }

  /** The revision of the snapshot or change that was put in force last. */
  get revision(): number {
    return this.#revision;
  }

  /** The row with this key (see addressKey), enabled or not. */
  find(key: string): Endpoint | undefined {
    return this.#entries.get(key)?.endpoint;
  }

  /** The same for the routing, which keeps its plan beside the row. */
  entry(key: string): TableEntry | undefined {
    return this.#entries.get(key);
  }

  /** Every row, in the order of the store. */
  *all(): IterableIterator<Endpoint> {
    for (const entry of this.#entries.values()) {
      yield entry.endpoint;
    }
  }

  /** Puts a whole table in force. A row object that is in force already keeps its plan. */
  replace(snapshot: TableSnapshot): void {
    const entries = new Map<string, TableEntry>();
    for (const endpoint of snapshot.endpoints) {
      const key = keyOf(endpoint);
      const present = this.#entries.get(key);
      entries.set(key, present?.endpoint === endpoint ? present : { endpoint, plan: undefined });
    }
    this.#entries = entries;
    this.#revision = snapshot.revision;
  }

  /** Puts the rows of one committed change in force, all at once. */
  apply(differences: readonly RowDifference[], revision: number): void {
    // All removals first: two rows may have exchanged their addresses.
    for (const { before, after } of differences) {
      if (before !== undefined && (after === undefined || keyOf(before) !== keyOf(after))) {
        this.#entries.delete(keyOf(before));
      }
    }
    for (const { after } of differences) {
      if (after !== undefined) {
        this.#entries.set(keyOf(after), { endpoint: after, plan: undefined });
      }
    }
    this.#revision = revision;
  }
}

/** The key of a stored row, whose address has passed validation. */
export function keyOf(endpoint: Pick<Endpoint, "sipAddress">): string {
  const key = addressKey(endpoint.sipAddress);
  if (key === undefined) {
    throw new TypeError(`not a validated SIP address: ${endpoint.sipAddress}`);
  }
  return key;
}
