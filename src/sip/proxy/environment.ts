import type { CoreEvent } from "../event.ts";
import type { LocateResult } from "../host.ts";
import type { SelfIdentity } from "../self-identity.ts";
import type { ClientTransaction, ClientTransactionTable } from "../transaction/client.ts";
import type { TransactionEnvironment } from "../transaction/environment.ts";
import type { SipUri } from "../uri.ts";

/** What the proxy's parts need of the core. */
export interface ProxyEnvironment extends TransactionEnvironment, ClientTransactionTable {
  readonly identity: SelfIdentity;
  /** A branch that nobody can foresee, with the loop hash of the request in it (RFC 5393 §4.2). */
  newBranch(loopHash: string): string;
  addClientTransaction(transaction: ClientTransaction): void;
  /** Locates a next hop; `done` is called once, perhaps before this returns. The result cancels a pending look-up. */
  locate(uri: SipUri, done: (result: LocateResult) => void): () => void;
  event(event: CoreEvent): void;
}
