/**
 * Why a registration does not work:
 * - `credentials`: the password or the challenge; trying often may lock an account
 * - `refused`: the registrar does not want it
 * - `busy`: it cannot at the moment
 * - `unreachable`: nobody answers
 */
export type TroubleKind = "credentials" | "refused" | "busy" | "unreachable";

/** The first wait and the longest, in ms; doubled from one failure of a kind to the next. */
const WAITS: Readonly<Record<TroubleKind, readonly [number, number]>> = {
  credentials: [60_000, 1_800_000],
  refused: [60_000, 1_800_000],
  busy: [5000, 300_000],
  unreachable: [2000, 120_000],
};

/** The longest that a Retry-After is followed. */
const MAX_RETRY_AFTER_MS = 3_600_000;

/**
 * How long to wait after a failure, in ms.
 * @param times how often in a row it failed in this way, from 1
 * @param afterMs what Retry-After asked for, if anything
 */
export function backOff(kind: TroubleKind, times: number, afterMs: number | undefined): number {
  const [first, longest] = WAITS[kind];
  const own = Math.min(first * 2 ** Math.min(times - 1, 30), longest);
  return afterMs === undefined ? own : Math.max(1000, Math.min(afterMs, MAX_RETRY_AFTER_MS));
}

/** A wait made up to a quarter longer, so that many do not come at once. @param random from 0 up to but not including 1 */
export function jittered(ms: number, random: number): number {
  return ms * (1 + random / 4);
}

/**
 * When to refresh what lives for `ms`: ten minutes before its end, or at half of it, and a little earlier by chance. So
 * there is time for several attempts.
 */
export function refreshAfter(ms: number, random: number): number {
  const plain = ms > 1_200_000 ? ms - 600_000 : ms / 2;
  return plain * (1 - random / 10);
}
