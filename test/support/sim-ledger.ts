import type { Decision } from "../../src/sip/decision.ts";
import type { SimMessage } from "./sim-message.ts";
import type { Path } from "./sim-network.ts";

/** Figures that the design of the core fixes (src/sip/timer-values.ts), and RFC 3261's 64·T1. */
export const TRANSACTION_TIME = 32_000;
export const FIRST_RESPONSE = 4000;
export const IN_DIALOG_RESPONSE = 10_000;
export const TIMER_C = 181_000;
/** RFC 4320 §4.1: when Timer E of the caller has been reset to T2. */
export const NON_INVITE_TRYING = 3500;

/** A request that reached the core, ACK apart, and all that came of it. */
export interface Upstream {
  readonly request: SimMessage;
  readonly path: Path;
  readonly arrivedAt: number;
  /** It followed the route set of a dialog that we are in. */
  readonly inDialog: boolean;
  readonly branches: Downstream[];
  /** The different final responses that went back. */
  readonly finals: SimMessage[];
  copies: number;
  finalAt: number | undefined;
  trying: number | undefined;
  cancelledAt: number | undefined;
  decision: Decision | undefined;
  /** The table changed between two copies of a request that was answered without a transaction (§8.2.7). */
  decidedAnew: boolean;
}

/** A client transaction of the core. */
export interface Downstream {
  readonly upstream: Upstream;
  readonly request: SimMessage;
  readonly path: Path;
  readonly sentAt: number;
  /** What it answered, less our Via, as it has to travel on. */
  readonly answers: Set<string>;
  provisionalAt: number | undefined;
  /** The latest provisional response other than 100. */
  ringingAt: number | undefined;
  final: SimMessage | undefined;
  finalAt: number | undefined;
  failuresHeard: number;
  acks: number;
  cancelledAt: number | undefined;
  brokenAt: number | undefined;
}

/** True while the core still waits for a final response on the branch. */
export function isPending(branch: Downstream, now: number): boolean {
  const { sentAt, provisionalAt, upstream } = branch;
  if (branch.final !== undefined || branch.brokenAt !== undefined) return false;
  const invite = branch.request.method === "INVITE";
  if (branch.cancelledAt !== undefined && now >= branch.cancelledAt + TRANSACTION_TIME) return false;
  if ((provisionalAt === undefined || !invite) && now >= sentAt + TRANSACTION_TIME) return false;
  return !(upstream.inDialog && provisionalAt === undefined && now >= sentAt + IN_DIALOG_RESPONSE);
}

/** True when the branch gave no sign of life in time, so that the next target was due. */
export function wasOverdue(branch: Downstream): boolean {
  const limit = branch.upstream.inDialog ? IN_DIALOG_RESPONSE : FIRST_RESPONSE;
  const first = Math.min(branch.provisionalAt ?? Number.POSITIVE_INFINITY, branch.finalAt ?? Number.POSITIVE_INFINITY);
  return first - branch.sentAt >= limit;
}

/** True when Timer C had run out by `now` (§16.8). */
export function timerCFired(branch: Downstream, now: number): boolean {
  return branch.request.method === "INVITE" && now >= (branch.ringingAt ?? branch.sentAt) + TIMER_C;
}

/** The text of a response without its topmost Via line. */
export function withoutTopVia(response: SimMessage): string {
  const { text } = response;
  const at = text.indexOf("\r\nVia:") + 2;
  return text.slice(0, at) + text.slice(text.indexOf("\r\n", at) + 2);
}
