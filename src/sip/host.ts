import type { Decision, RoutingRequest } from "./decision.ts";
import type { CoreEvent } from "./event.ts";
import type { Flow, Listener, Target, TransportName } from "./flow.ts";

/** What RFC 3263 needs to know of a URI. */
export interface LocateQuery {
  /** A name or an IP literal without brackets; `maddr` where the URI has one. */
  readonly host: string;
  readonly port?: number | undefined;
  readonly transport?: TransportName | undefined;
  /** A `sips:` URI. */
  readonly secure: boolean;
  /** True where a URI without transport leaves the choice to us, as in a row of `transport: auto`. */
  readonly anyTransport: boolean;
  /** Requests of the same affinity (a Call-ID) get the same order of addresses, on every gateway. */
  readonly affinity: string;
  /** True for a request that follows the route set of a dialog: the dialog lives where it lives. */
  readonly inDialog: boolean;
}

/** What became of a request at an address, as far as it tells something about the address. */
export type AddressOutcome =
  /** Any response but 503. */
  | { readonly kind: "answered" }
  | { readonly kind: "unavailable"; readonly retryAfterSeconds?: number }
  /** No response in time. */
  | { readonly kind: "timeout" }
  | { readonly kind: "transport"; readonly reason: string };

/** The addresses of a host in the order in which they are to be tried, or why there are none. */
export type LocateResult =
  | { readonly ok: true; readonly targets: readonly Target[] }
  | { readonly ok: false; readonly reason: string };

/** The one way in which the core acts on the world. Nothing here may call back into the core before it returns. */
export interface CoreHost {
  /** Sends one message, each character of the text as one byte (latin1). A failure arrives later as `core.flowClosed`. */
  send(flow: Flow, text: string): void;
  /** The flow to a target: an open one, or a new one that is being set up. */
  connect(target: Target, listener: Listener): Flow;
  /** Answers at once where that is possible, else returns undefined and calls `core.resolved(queryId, …)` later. */
  locate(queryId: number, query: LocateQuery): LocateResult | undefined;
  /** Targets of one server in the order in which to try them, those last against which something is known. */
  inOrder(targets: readonly Target[]): readonly Target[];
  /** Where a request outside of our dialogs goes that came on the flow `source`. Answers from memory. */
  decide(request: RoutingRequest, source: Flow): Decision;
  /** The first thing that a located address made of a request sent at `startedAt` (ms on the caller's clock). */
  reached(target: Target, outcome: AddressOutcome, startedAt: number): void;
  /** Whether anybody listens to events of this type; where nobody does, none is made. */
  hears(type: CoreEvent["type"]): boolean;
  event(event: CoreEvent): void;
}
