import type { CoreEvent } from "../event.ts";
import type { Flow, Target } from "../flow.ts";
import type { AddressOutcome, LocateQuery, LocateResult } from "../host.ts";
import type { SipMessage } from "../message.ts";
import type { SelfIdentity } from "../self-identity.ts";
import type { ClientTransactionTable } from "../transaction/client.ts";
import type { TransactionEnvironment } from "../transaction/environment.ts";
import type { SipUri } from "../uri.ts";

/** User parts for our own URIs on the way of a request, each with its `@`, or empty (see RouteTokens). */
export interface NamesOnPath {
  /** Which header they go into; none for an ACK. */
  readonly header: "Record-Route" | "Path" | undefined;
  /** For the side that the request came from. */
  readonly inboundUser: string;
  /** For the side that it leaves by. */
  readonly outboundUser: string;
}

/** What the request that is to be sent says about where it may go. */
export type LocatePurpose = Pick<LocateQuery, "anyTransport" | "affinity" | "inDialog">;

/** What the proxy's parts need of the core. */
export interface ProxyEnvironment extends TransactionEnvironment {
  /** Where the requests that we send stand. */
  readonly transactions: ClientTransactionTable;
  readonly identity: SelfIdentity;
  /** A branch that nobody can foresee, with the loop hash of the request in it (RFC 5393 §4.2). */
  newBranch(loopHash: string): string;
  /** Locates a next hop; `done` is called once, perhaps before this returns. The result cancels a pending look-up. */
  locate(uri: SipUri, purpose: LocatePurpose, done: (result: LocateResult) => void): () => void;
  /** The most bytes of a request over UDP (§18.1.1). */
  readonly maxUdpRequestBytes: number;
  /** See CoreHost. */
  inOrder(targets: readonly Target[]): readonly Target[];
  /** See CoreHost. */
  reached(target: Target, outcome: AddressOutcome, startedAt: number): void;
  /** By which names the request's way leads through us, for the peers on both sides. `outbound`: a connection named by a Route. */
  namesOnPath(request: SipMessage, inbound: Flow, outbound: Flow | undefined): NamesOnPath;
  hears(type: CoreEvent["type"]): boolean;
  event(event: CoreEvent): void;
}
