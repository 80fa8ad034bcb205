import type { SrvRecord } from "./records.ts";

/** A source of numbers from 0 up to but not including 1. */
export type Draw = () => number;

/** Numbers that depend on the seed alone (mulberry32): good enough to share load, of no use for secrets. */
export function drawFrom(seed: number): Draw {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}

/** The same seed for the same text, on every gateway (FNV-1a). */
export function seedOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hash >>> 0;
}

/**
 * The records in the order in which they are to be tried: by priority, and within one priority drawn by weight
 * (RFC 2782). The order in which DNS gave them plays no part, so the same draws always give the same order.
 */
export function srvOrder<T extends SrvRecord>(records: readonly T[], draw: Draw): T[] {
  const sorted = [...records].sort(
    (a, b) => a.port - b.port || (a.target < b.target ? -1 : a.target > b.target ? 1 : 0),
  );
  // Weight 0 first, as the RFC asks: such a record is drawn only by a zero. Which of them that is, is left to chance.
  const left = shuffled(sorted, draw).sort(
    (a, b) => a.priority - b.priority || Number(a.weight > 0) - Number(b.weight > 0),
  );
  const ordered: T[] = [];
  while (left.length > 0) {
    const end = left.findIndex((record) => record.priority !== left[0]!.priority);
    const group = left.splice(0, end < 0 ? left.length : end);
    while (group.length > 0) ordered.push(...group.splice(drawByWeight(group, draw), 1));
  }
  return ordered;
}

/** RFC 2782: a number from 0 to the sum of the weights inclusive; the first record whose running sum reaches it. */
function drawByWeight(group: readonly SrvRecord[], draw: Draw): number {
  const sum = group.reduce((total, { weight }) => total + weight, 0);
  const drawn = Math.floor(draw() * (sum + 1));
  let running = 0;
  return group.findIndex(({ weight }) => (running += weight) >= drawn);
}

/** The items in an order that only the draws and their own order decide. */
export function shuffled<T>(items: readonly T[], draw: Draw): T[] {
  const left = [...items];
  const result: T[] = [];
  while (left.length > 0) result.push(...left.splice(Math.floor(draw() * left.length), 1));
  return result;
}
