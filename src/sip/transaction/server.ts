import type { ResponsePath } from "./environment.ts";
import type { Keyed } from "./key-table.ts";

/** Who works on the answer to a request. */
export interface ServerContext {
  /** True once the final answer is given, or it is settled that there will be none. */
  readonly finished: boolean;
  /** The caller's CANCEL came. */
  cancel(reason: string | undefined): void;
}

/** What the two server transaction machines have in common for the elements around them. */
export interface ServerTransaction extends Keyed<ServerTransaction> {
  /** The way back to the sender of the request. */
  readonly path: ResponsePath;
  /** Who proxies the request, until it is answered; undefined from the start for one that is not proxied. */
  context: ServerContext | undefined;
  /** True while it takes room of those that are counted. */
  counted: boolean;
  /** How long the request was; the request itself is not kept. */
  readonly requestBytes: number;
  /** True while a final response is repeated until its ACK comes (Timer G). */
  readonly repeating: boolean;
  /** The request came again. */
  retransmitted(): void;
  /** Sends a response; false when the state has no room for it (a final one went out before). */
  respond(status: number, text: string): boolean;
  /** No final answer will come (RFC 4320 §4.2): repetitions are still absorbed for as long as they may arrive. */
  abandon(): void;
}

/** The keeper of the table in which a server transaction stands. */
export interface ServerTransactionUser {
  /**
   * Takes over a final answer that is to be repeated for 64·T1 (Timer J), or with text "" the absorbing of repeated
   * INVITEs for as long (Timer L); the transaction has ended then. False where it has to do so itself.
   */
  keepAnswer(transaction: ServerTransaction, text: string, path: ResponsePath): boolean;
  serverTransactionEnded(transaction: ServerTransaction): void;
}
