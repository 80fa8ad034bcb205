import type { EndpointStore } from "./endpoints/store.ts";
import type { ErrorCode } from "./errors.ts";
import type { StoreSettings } from "./open-store.ts";

/** What a gateway and the process of its store say to each other. */

/** How many rows travel at once: about a millisecond's work to take in. */
export const ROWS_PER_MESSAGE = 100;

/** The methods of a store that a gateway calls; it follows the table instead of loading and watching it. */
export type Method = Exclude<keyof EndpointStore, "load" | "watch"> | "follow";

/** What a process for a store is to do; the first message to it. */
export interface StoreOrder {
  readonly settings: StoreSettings;
  /** The Unix socket on which it is to serve; absent = it serves whoever started it. */
  readonly socket?: string;
}

/** To the store: the last part of something large has been taken in. */
export type Taken = "taken";

/** To the store. */
export interface Call {
  readonly id: number;
  readonly method: Method;
  readonly args: readonly unknown[];
}

/** An error on its way between processes, which would lose its class. */
export interface FaultText {
  readonly code?: ErrorCode;
  readonly message: string;
  /** See Outgrown: nothing was done, and a store in a process of its own would do it. */
  readonly outgrown?: true;
}

export type Answer =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly fault: FaultText };

/** The table from now on. */
export interface Followed {
  readonly revision: number;
  readonly hash: string;
  /** How many rows the change touched. */
  readonly changed: number;
  readonly warning?: string;
}

/** A part of a change, in an order in which no address that stays is ever without a row; `done` in the last one. */
export interface Part {
  /** This is the first part of a whole table, not of a change. */
  readonly begin?: true;
  /** JSON of rows to put in their places: it is taken in faster than copied objects. */
  readonly set: string;
  /** Keys whose rows are gone. */
  readonly remove: readonly string[];
  readonly done?: Followed;
}

export type News = Part | { readonly refused: FaultText };
