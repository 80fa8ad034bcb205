import type { Flow } from "./flow.ts";

/** A message as it came in, and which processes have looked at it in vain before it came here. */
export interface Arrival {
  readonly bytes: Buffer;
  readonly flow: Flow;
  readonly passed?: Passed | undefined;
}

export interface Passed {
  /** The numbers of those who do not have its transaction. */
  readonly asked: readonly number[];
  /** True when all who might have had it were asked: whoever gets it takes it. */
  readonly settled: boolean;
}

/**
 * The other processes that serve the same listeners. Each transaction lives in one of them: over UDP all of one dialog in
 * the same. Whichever reads a message gives it to the one that has it, or is to have it. Each method says whether the
 * message was given away; if not, it is ours.
 */
export interface Neighbours {
  /** Ends our branches and the names of our connections, and is the name of this process; see `markOf`. */
  readonly mark: string;
  /** Asks who may have, or is to have, the server transactions of this Call-ID. */
  pass(callId: string, arrival: Arrival): boolean;
  /** Asks everybody, one after the other. */
  passAround(arrival: Arrival): boolean;
  /** Gives it to the process of this mark. */
  passTo(mark: string, arrival: Arrival): boolean;
}

/** What the mark in a branch or in the name of a connection begins with. */
export const MARK = "~";

/** The mark in a branch or in the name of a connection; "" when it has none. */
export function markOf(text: string): string {
  const at = text.lastIndexOf(MARK);
  return at < 0 ? "" : text.slice(at);
}
