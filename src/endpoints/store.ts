import type { Drain } from "../drained-address.ts";
import type { Endpoint } from "./model.ts";

/** A whole table at one revision. */
export interface TableSnapshot {
  /** Grows with every change of the table. */
  readonly revision: number;
  /** Of the rows, whatever their order (see table-hash.ts): two gateways with the same hash serve the same table. */
  readonly hash: string;
  readonly endpoints: readonly Endpoint[];
}

/** Who changes the table, from where, and why. */
export interface Actor {
  readonly name: string;
  readonly source: "cli" | "api" | "file" | "import";
  readonly reason?: string;
}

/** One wished-for change of one row. `expectedVersion` guards against a lost update; absent = whatever is there. */
export type RowChange =
  | { readonly kind: "add"; readonly endpoint: EndpointDraft }
  | {
      readonly kind: "set";
      readonly sipAddress: string;
      /** `undefined` as a value removes an optional setting. */
      readonly fields: { readonly [K in keyof EndpointDraft]?: EndpointDraft[K] | undefined };
      readonly expectedVersion?: number;
    }
  | { readonly kind: "remove"; readonly sipAddress: string; readonly expectedVersion?: number };

/** What a person gives to make a row; everything but address and pool has a default. */
export type EndpointDraft = Pick<Endpoint, "sipAddress" | "poolFqdn"> &
  Partial<
    Omit<Endpoint, "sipAddress" | "poolFqdn" | "version" | "createdAt" | "createdBy" | "updatedAt" | "updatedBy">
  >;

/** One row before and after a committed (or, with `dryRun`, a would-be) change. */
export interface RowDifference {
  readonly before?: Endpoint;
  readonly after?: Endpoint;
}

export interface ChangeResult {
  readonly revision: number;
  /** The hash of the whole table after the change; see {@link TableSnapshot.hash}. */
  readonly hash: string;
  readonly differences: readonly RowDifference[];
}

/** What turns the table that a watcher has into the next one. */
export interface TableUpdate {
  readonly revision: number;
  readonly hash: string;
  readonly differences: readonly RowDifference[];
  /** Something an operator should know about how the table came to change: a sentence. */
  readonly warning?: string;
}

/** One change of the table as the history keeps it: who, when, why, from where, and what it did. */
export interface HistoryEntry {
  /** The revision that this change made. */
  readonly revision: number;
  /** ISO 8601, UTC. */
  readonly at: string;
  readonly actor: Actor;
  /** The revision whose change this one took back. */
  readonly undoes?: number;
  /** Empty when the change was too large to be kept row by row; then `omitted` tells how many rows it had. */
  readonly differences: readonly RowDifference[];
  readonly omitted?: number;
  /** The hash of the whole table after the change. */
  readonly tableHash: string;
  /** The `hash` of the entry before this one: what chains them, so that an entry changed or taken out later shows. */
  readonly previousHash: string;
  /** SHA-256 over everything above, in hex. */
  readonly hash: string;
}

export interface HistoryOptions {
  /** Only changes of this address, in any spelling. */
  readonly address?: string;
  /** Only this revision and older ones. */
  readonly upTo?: number;
  /** At most so many entries. */
  readonly limit?: number;
}

/** What a check of the whole history found. */
export interface HistoryCheck {
  readonly entries: number;
  /** Oldest and newest revision that is kept; absent when there is no history. */
  readonly oldest?: number;
  readonly newest?: number;
  /** What is wrong, one sentence each; empty when every entry is as it was written. */
  readonly faults: readonly string[];
}

/** How the store is, as one process sees it. */
export interface StoreHealth {
  readonly kind: "file" | "redis";
  /** The file's path, or the Redis address without its password. */
  readonly place: string;
  /**
   * `ok`; `unreachable`: Redis does not answer; `refused`: what is stored cannot be used;
   * `suspicious`: what is stored looks like a loss and waits for a person's word (see {@link EndpointStore.settle}).
   */
  readonly state: "ok" | "unreachable" | "refused" | "suspicious";
  /** Why the state is not `ok`: a sentence. */
  readonly reason?: string;
  /** Since when the state is what it is; ISO 8601, UTC. */
  readonly since: string;
  /** When the table in memory was last known to be the stored one; ISO 8601, UTC. Absent before the first load. */
  readonly currentAt?: string;
  /** What does not work beside the table, such as its copy on a full disk: a sentence. */
  readonly warning?: string;
}

/** What a gateway tells the others about itself, so that everyone sees where a change has arrived. */
export interface GatewayReport {
  /** Unique among the gateways of one table. */
  readonly name: string;
  /** The table that serves calls there. */
  readonly revision: number;
  readonly hash: string;
  readonly endpoints: number;
  readonly health: StoreHealth;
  /** The addresses of the pools as this gateway sees them; at most {@link MAX_POOL_ADDRESSES}. */
  readonly pools?: readonly PoolAddress[];
  /** The places that operators drained, as far as this gateway knows. */
  readonly drained?: readonly string[];
  /** How many addresses it registers at a registrar, and how they stand; absent where it registers none. */
  readonly registrations?: RegistrationCounts;
  /** When the report was made; ISO 8601, UTC. */
  readonly at: string;
}

/** How the registrations of a gateway stand. */
export interface RegistrationCounts {
  readonly registered: number;
  /** Not tried to the end yet. */
  readonly pending: number;
  /** Not registered, since every attempt failed. */
  readonly failed: number;
  /** One address whose last attempt failed, and why, for people; one that is registered no more comes first. */
  readonly trouble?: string;
}

/** What a gateway reports of its work, beside the table. */
export type WorkReport = Pick<GatewayReport, "pools" | "drained" | "registrations">;

/** One address of a pool at one gateway. */
export interface PoolAddress {
  /** The name that led there. */
  readonly pool: string;
  readonly transport: string;
  /** `10.1.2.3:5061`. */
  readonly address: string;
  /** What was observed: `up`, or `held`, `due`, `trial` and `down` (see locate/health-state.ts). */
  readonly observed: string;
  /** What an operator said. */
  readonly admin: "up" | "drained";
  /** The whole of it, for people. */
  readonly sentence: string;
}

/** More addresses than that are not reported; those in trouble and drained ones come first. */
export const MAX_POOL_ADDRESSES = 200;

/** A gateway as the store knows it. */
export interface KnownGateway extends GatewayReport {
  /** False when it has not reported for {@link REPORT_EXPIRY_MS}. */
  readonly live: boolean;
}

/** How often a gateway reports even when nothing changes, and after which silence it counts as gone. */
export const REPORT_EVERY_MS = 5000;
export const REPORT_EXPIRY_MS = 16_000;

/** A change touches at most so many rows; a larger import is to be cut in parts. */
export const MAX_ROWS_PER_CHANGE = 50_000;

export interface ChangeOptions {
  /** Validates and reports only. */
  readonly dryRun?: boolean;
}

/**
 * Where the table is kept. All changes of one call commit together or not at all.
 * Every method rejects with a WaypostError (errors.ts) that says what is wrong and what to do.
 */
export interface EndpointStore {
  /** Reads and validates the whole table. */
  load(): Promise<TableSnapshot>;
  /** Validates and commits; with `dryRun` validates and reports only. */
  change(changes: readonly RowChange[], actor: Actor, options?: ChangeOptions): Promise<ChangeResult>;
  /**
   * Calls `changed` with what follows the table that was loaded last, whoever wrote it, and `refused` once when what
   * is stored cannot be used or reached (the caller goes on with the last good table). A change by this very object is
   * handed to `changed` before it is answered. Returns a function that stops watching.
   */
  watch(changed: (update: TableUpdate) => void, refused: (error: Error) => void): () => void;

  /** The changes that are kept, the newest first. @throws ADDRESS_INVALID */
  history(options?: HistoryOptions): Promise<readonly HistoryEntry[]>;
  /** Recomputes the chain of the whole history and compares its end with the table. */
  verifyHistory(): Promise<HistoryCheck>;
  /**
   * What turns the table of one revision into that of another, one difference for each row that is not the same in
   * both; `from` may be the newer one. @throws REVISION_UNKNOWN when the history does not reach so far
   */
  diff(from: number, to: number): Promise<readonly RowDifference[]>;
  /**
   * A new change that takes back what one revision did, for all its rows or none.
   * @throws REVISION_UNKNOWN; UNDO_REFUSED with the difference when a row was changed since
   */
  undo(revision: number, actor: Actor, options?: ChangeOptions): Promise<ChangeResult>;

  /** How this process sees the store now; never rejects. */
  health(): Promise<StoreHealth>;
  /** Every gateway that runs this table or did so lately, by name. */
  gateways(): Promise<readonly KnownGateway[]>;
  /** Tells the store what this gateway runs. */
  reportGateway(report: GatewayReport): Promise<void>;
  /** What operators said of addresses of the pools, by place. */
  drains(): Promise<readonly Drain[]>;
  /** Takes a place out of service, or without `drain` back into it. @param place as `drainPlace` spells it */
  setDrain(place: string, drain: Drain | undefined): Promise<void>;
  /** This gateway stops: from now on it is not listed any more. */
  dismissGateway(name: string): Promise<void>;
  /**
   * A person's word about a table that looks like a loss (health `suspicious`): `accept` what is stored now, or
   * `restore` this machine's last good copy into the store. @throws NOTHING_TO_SETTLE
   */
  settle(decision: "accept" | "restore", actor: Actor): Promise<ChangeResult>;
  close(): Promise<void>;
}
