import type { Decision } from "./decision.ts";
import type { Flow, Target } from "./flow.ts";

/** A request that was answered: by us, by a pool, or (status 0) by nobody (RFC 4320). */
export interface RequestFinished {
  readonly type: "request";
  readonly method: string;
  readonly requestUri: string;
  readonly callId: string;
  readonly from: string;
  readonly source: Flow;
  /** What was decided; `dialog` for a request that followed the route set of a dialog. */
  readonly decision: Decision["kind"] | "dialog" | "self";
  readonly endpoint: string | undefined;
  /** The address that gave the final answer, or the last one tried. */
  readonly target: Target | undefined;
  /** The status sent upstream; 0 for none. */
  readonly status: number;
  /** Why we ourselves answered, for people; absent where the answer is the pool's. */
  readonly explanation: string | undefined;
  /** From the request's arrival to its final answer. */
  readonly durationMs: number;
}

/** A message that was dropped without an answer. */
export interface MessageDropped {
  readonly type: "dropped";
  readonly reason: string;
  readonly source: Flow;
}

/** One address failed and the next one (or the caller) was turned to. */
export interface BranchFailed {
  readonly type: "branch-failed";
  readonly callId: string;
  readonly method: string;
  /** Where the request came from. */
  readonly source: Flow;
  readonly target: Target;
  readonly reason: string;
}

export type CoreEvent = RequestFinished | MessageDropped | BranchFailed;
