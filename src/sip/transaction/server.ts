import type { SipMessage } from "../message.ts";

/** What the two server transaction machines have in common for the elements around them. */
export interface ServerTransaction {
  readonly key: string;
  readonly request: SipMessage;
  /** The request came again. */
  retransmitted(): void;
  /** Sends a response; false when the state has no room for it (a final one went out before). */
  respond(status: number, bytes: Buffer): boolean;
  /** Ends without an answer (RFC 4320 §4.2). */
  abandon(): void;
}

/** The keeper of the table in which a server transaction stands. */
export interface ServerTransactionUser {
  serverTransactionEnded(transaction: ServerTransaction): void;
}
