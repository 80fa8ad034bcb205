import type { Flow } from "../flow.ts";
import type { SipMessage } from "../message.ts";
import type { ResponsePath } from "./environment.ts";
import type { Keyed } from "./key-table.ts";

/** What the two client transaction machines have in common for the elements around them. */
export interface ClientTransaction extends Keyed<ClientTransaction> {
  readonly method: string;
  readonly flow: Flow;
  /** For `ClientTransactions` alone: its neighbours among those on the same flow. */
  sentBefore: ClientTransaction | undefined;
  sentAfter: ClientTransaction | undefined;
  /** True while a final response may still come. */
  readonly pending: boolean;
  /** A response with this transaction's key. */
  received(response: SipMessage): void;
  /** The flow broke; `reason` is for people. */
  transportFailed(reason: string): void;
  /** Ends at once, telling its user nothing more. */
  terminate(): void;
}

/** Who sent the request. After `ended` nothing more comes. */
export interface ClientTransactionUser {
  /** A provisional or final response, each final one once; for INVITE each 2xx that arrives (RFC 6026 §7.2). */
  responseReceived(response: SipMessage): void;
  /** Timer B or F: no final (for INVITE: no) response came in time. */
  timedOut(): void;
  /** The ACK for a final response other than 2xx to the INVITE (§17.1.1.3). */
  acknowledge(response: SipMessage): string;
  transportFailed(reason: string): void;
}

/** Where further 2xx to a proxied INVITE go. */
export interface WayUpstream {
  readonly path: ResponsePath;
  /** The number in the CSeq of the INVITE. */
  readonly cseq: number;
}

/** The keeper of the table in which a client transaction stands. */
export interface ClientTransactionTable {
  /** False when there are as many client transactions as there may be. */
  readonly mayBranch: boolean;
  addClient(transaction: ClientTransaction): void;
  /**
   * Takes over the passing on of further 2xx to an INVITE for 64·T1 (Timer M); the transaction has ended then. False where
   * it has to do so itself.
   */
  passAnswersOn(transaction: ClientTransaction, way: WayUpstream): boolean;
  /**
   * Takes over the absorbing of answers that come again for T4 (Timer K); the transaction has ended then. False where it
   * has to do so itself.
   */
  absorbAnswers(transaction: ClientTransaction): boolean;
  clientTransactionEnded(transaction: ClientTransaction): void;
}

/** For those who send no INVITE. */
export function noAck(): never {
  throw new Error("only an INVITE is acknowledged");
}
