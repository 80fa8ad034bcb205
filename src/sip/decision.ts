import type { TransportName } from "./flow.ts";

/**
 * What a peer may do outside of the dialogs that were set up through us: everything, call endpoints but not use the
 * default route, or nothing.
 */
export type Trust = "full" | "endpoints" | "none";

/** What the SIP core tells the routing about a request that belongs to no dialog of ours. */
export interface RoutingRequest {
  readonly method: string;
  /** The Request-URI exactly as it arrived. */
  readonly requestUri: string;
  readonly transport: TransportName;
  readonly sourceAddress: string;
  /** Absent = full. */
  readonly trust?: Trust;
}

/** Relay the request statefully, staying on the path (RFC 3261 §16). */
export interface ProxyDecision {
  readonly kind: "proxy";
  /** The URIs to try in order; each is located (RFC 3263) and all its addresses are tried before the next URI. */
  readonly nextHops: readonly string[];
  /** The Request-URI to send; absent = the one that was dialled. */
  readonly requestUri?: string;
  /** Final answers besides 503 that turn to the next address (RFC 3261 §16.7 leaves it to us). */
  readonly failoverOn?: readonly number[];
  /** The legacy address of the row that decided, for logs; absent = the default route. */
  readonly endpoint?: string;
}

/** Send the caller elsewhere (RFC 3261 §8.3). */
export interface RedirectDecision {
  readonly kind: "redirect";
  readonly status: 302 | 303;
  /** SIP URIs, without angle brackets. */
  readonly contacts: readonly string[];
  readonly endpoint: string;
}

/** Answer with an error. `explanation` goes into a Warning and an ms-diagnostics header. */
export interface RejectDecision {
  readonly kind: "reject";
  readonly status: number;
  readonly reason: string;
  readonly explanation: string;
  readonly endpoint?: string;
}

export type Decision = ProxyDecision | RedirectDecision | RejectDecision;
