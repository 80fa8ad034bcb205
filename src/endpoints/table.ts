import { addressKey } from "./address-key.ts";
import type { Endpoint } from "./model.ts";
import type { RowDifference, TableSnapshot } from "./store.ts";
import { EMPTY_TABLE_HASH, hashOf, TableHash } from "./table-hash.ts";

/** A row in its place in the table, with room for what the routing works out from it once. */
export interface TableEntry {
  readonly endpoint: Endpoint;
  /** Owned by routing/; it lives and dies with the row. */
  plan: unknown;
}

/** A table to put in force. Without its `hash`, that is worked out from the rows. */
type WholeTable = Pick<TableSnapshot, "revision" | "endpoints"> & Partial<TableSnapshot>;

/**
 * The endpoint table that serves calls: rows by comparison key, all in memory. Rows are never changed in place.
 * A look-up and a change of one row cost the same at one row and at a million.
 *
 * The rows are spread over many maps: a single map of a million rows would now and then grow, and that takes longer
 * than a call may wait.
 */
export class EndpointTable {
  #shards = emptyShards();
  #size = 0;
  #revision = 0;
  #hash = new TableHash(EMPTY_TABLE_HASH);

  constructor(snapshot?: WholeTable) {
    if (snapshot !== undefined) {
      this.replace(snapshot);
    }
  }

  get size(): number {
    return this.#size;
  }

  /** The revision of the snapshot or change that was put in force last. */
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
    return this.#shards[shardOf(key)]!.get(key);
  }

  /** Every row, in no particular order. */
  *all(): IterableIterator<Endpoint> {
    for (const shard of this.#shards) {
      for (const entry of shard.values()) {
        yield entry.endpoint;
      }
    }
  }

  /** Puts a whole table in force, in one go: for the start, before calls are taken. */
  replace(snapshot: WholeTable): void {
    const shards = emptyShards();
    for (const endpoint of snapshot.endpoints) {
      const key = keyOf(endpoint);
      shards[shardOf(key)]!.set(key, { endpoint, plan: undefined });
    }
    this.#shards = shards;
    this.#size = snapshot.endpoints.length;
    this.#hash = new TableHash(snapshot.hash ?? hashOf(snapshot.endpoints));
    this.#revision = snapshot.revision;
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
    const shard = this.#shards[shardOf(key)]!;
    const present = shard.get(key);
    if (present === undefined) {
      this.#size++;
    } else {
      this.#hash.remove(present.endpoint);
    }
    this.#hash.add(endpoint);
    shard.set(key, { endpoint, plan: undefined });
  }

  /** One step of a large change: takes the row at a key out, if there is one. */
  delete(key: string): void {
    const shard = this.#shards[shardOf(key)]!;
    const present = shard.get(key);
    if (present !== undefined) {
      this.#hash.remove(present.endpoint);
      this.#size--;
      shard.delete(key);
    }
  }

  /** Ends the steps of a large change. */
  complete(revision: number): void {
    this.#revision = revision;
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

/** The key of a stored row, whose address has passed validation. */
export function keyOf(endpoint: Pick<Endpoint, "sipAddress">): string {
  const key = addressKey(endpoint.sipAddress);
  if (key === undefined) {
    throw new TypeError(`not a validated SIP address: ${endpoint.sipAddress}`);
  }
  return key;
}

const SHARDS = 1024;

function emptyShards(): Map<string, TableEntry>[] {
  return Array.from({ length: SHARDS }, () => new Map());
}

function shardOf(key: string): number {
  let hash = 0;
  for (let i = 0; i < key.length; i++) {
    hash = (Math.imul(hash, 31) + key.charCodeAt(i)) | 0;
  }
  return (hash ^ (hash >>> 15)) & (SHARDS - 1);
}
