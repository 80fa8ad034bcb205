import type { DrainedPlace } from "../drained-address.ts";
import type { Target } from "../sip/flow.ts";

/** How a request to an address ended, as far as it tells something about that address. */
export type Outcome =
  /** Any response but 503, provisional ones included: somebody works there. */
  | { readonly kind: "answered" }
  /** 503 (RFC 3261 §21.5.4). */
  | { readonly kind: "unavailable"; readonly retryAfterSeconds?: number | undefined }
  /** No response in time. */
  | { readonly kind: "timeout" }
  /** It could not be sent, or the connection broke. `reason` as a sentence for people. */
  | { readonly kind: "transport"; readonly reason: string };

export type Failure = Exclude<Outcome, { readonly kind: "answered" }>;

/** All in milliseconds. Each has a default. */
export interface HealthSettings {
  /** An address that failed is tried last for so long; doubled each time it fails again. Default 2 s. */
  readonly holdMs: number;
  /** The longest of these. Default 60 s. */
  readonly maxHoldMs: number;
  /** The longest that a Retry-After is followed. Default 300 s. */
  readonly maxRetryAfterMs: number;
  /** After a hold one request tries the address; how long the others wait for what became of it. Default 5 s. */
  readonly trialMs: number;
  /** So many failures in a row take an address down that is probed. Default 3. */
  readonly downAfter: number;
  /** So many answers in a row bring it back. Default 2. */
  readonly upAfter: number;
}

export const DEFAULT_SETTINGS: HealthSettings = {
  holdMs: 2000,
  maxHoldMs: 60_000,
  maxRetryAfterMs: 300_000,
  trialMs: 5000,
  downAfter: 3,
  upAfter: 2,
};

/** What requests have shown to be wrong since the last answer. */
export interface Trouble {
  readonly since: number;
  failures: number;
  /** True once failures of more than one kind came. */
  mixed: boolean;
  last: Failure;
  holds: number;
  heldSince: number;
  heldUntil: number;
  trialUntil: number;
}

/** What probes, with the requests beside them, have shown. */
export interface ProbeState {
  failuresInRow: number;
  answersInRow: number;
  lastFailure: Failure | undefined;
  /** Since when it is down by the thresholds. */
  downSince: number | undefined;
  answeredAt: number | undefined;
  nextAt: number | undefined;
}

/** What is known of one address. */
export interface Entry {
  /** With the name under which it was last used. */
  target: Target;
  /** Changes with every change of state and every probe: a result that carries an older one comes too late to count. */
  generation: number;
  answeredAt: number | undefined;
  trouble: Trouble | undefined;
  /** Present while it is probed. */
  probe: ProbeState | undefined;
}

/** What an operator said of an address; `since` on the clock of all the others. */
export interface DrainInForce {
  readonly place: DrainedPlace;
  readonly by: string;
  readonly reason: string | undefined;
  readonly since: number;
}

/**
 * `up`: nothing known against it · `held`: tried last · `due`: the next request tries it · `trial`: one is trying it
 * · `down`: tried last until probes bring it back
 */
export type ObservedState = "up" | "held" | "due" | "trial" | "down";

export function observedState({ trouble, probe }: Entry, now: number): ObservedState {
  if (probe?.downSince !== undefined) return "down";
  if (trouble === undefined) return "up";
  if (now < trouble.heldUntil) return "held";
  return now < trouble.trialUntil ? "trial" : "due";
}

/** An address is told from another by all three: a server may be dead over TLS and alive over TCP. */
export function addressKey({ transport, address, port }: Target): string {
  return `${transport} ${address} ${port}`;
}
