import type { EndpointStore, TableUpdate } from "./endpoints/store.ts";
import type { ErrorCode } from "./errors.ts";

/** What the serving thread and the store's thread say to each other. Rows travel as JSON: it is faster than copying. */

/** How many rows travel at once: about a millisecond's work to take in. */
export const ROWS_PER_MESSAGE = 200;

/** To the store: a method to call. A bare "taken" says that the last part of something large has been taken in. */
export interface Call {
  readonly id: number;
  readonly method: keyof EndpointStore;
  readonly args: readonly unknown[];
}

/** An error on its way between threads, which would lose its class. */
export interface FaultText {
  readonly code?: ErrorCode;
  readonly message: string;
}

export type Answer =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly fault: FaultText };

/** From the store, unasked. */
export type News =
  /** A part of the table that is being loaded. */
  | { readonly rows: string }
  /** A part of an update that is not complete yet. */
  | { readonly differences: string; readonly update?: undefined }
  /** The last part of an update. */
  | { readonly differences: string; readonly update: Omit<TableUpdate, "differences"> }
  | { readonly refused: FaultText };
