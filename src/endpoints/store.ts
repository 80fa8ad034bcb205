import type { Endpoint } from "./model.ts";

/** A whole table at one revision. */
export interface TableSnapshot {
  /** Grows with every change of the table. */
  readonly revision: number;
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
  readonly differences: readonly RowDifference[];
}

/**
 * Where the table is kept. All changes of one call commit together or not at all.
 * Every method rejects with a WaypostError (errors.ts) that says what is wrong and what to do.
 */
export interface EndpointStore {
  /** Reads and validates the whole table. */
  load(): Promise<TableSnapshot>;
  /** Validates and commits; with `dryRun` validates and reports only. */
  change(changes: readonly RowChange[], actor: Actor, options?: { readonly dryRun?: boolean }): Promise<ChangeResult>;
  /**
   * Calls `changed` with each new table, whoever wrote it, and `refused` when what is stored cannot be used
   * (the caller goes on with the last good table). Returns a function that stops watching.
   */
  watch(changed: (snapshot: TableSnapshot) => void, refused: (error: Error) => void): () => void;
  close(): Promise<void>;
}
