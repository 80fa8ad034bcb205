import { setImmediate } from "node:timers/promises";
import type { EndpointTable } from "./endpoints/table.ts";
import { nextHopsOf } from "./routing/route.ts";

/** How many rows are gone through without a pause for calls. */
const ROWS_AT_ONCE = 250;

/** Who wants to know what the rows lead to. */
export interface RowsFollower {
  /** URIs of all pools. */
  watchPools?(pools: ReadonlySet<string>): void;
  /** The addresses that ask to be registered. */
  keepRegistered?(addresses: readonly string[]): void;
}

/**
 * Tells `follower`, each time the result is called, what the rows are. Where their settings alone do not tell it, a large
 * table is gone through between calls. When it changes meanwhile, it is gone through once more afterwards: steady changes
 * must not keep the follower waiting.
 */
export function tableFollower(table: EndpointTable, follower: RowsFollower): () => Promise<void> {
  if (follower.watchPools === undefined && follower.keepRegistered === undefined) return async () => {};
  let running: Promise<void> | undefined;
  let isBehind = false;
  const goThrough = async (): Promise<void> => {
    do {
      isBehind = false;
      await tellRows(table, follower);
    } while (isBehind);
    running = undefined;
  };
  return () => {
    isBehind = true;
    running ??= goThrough();
    return running;
  };
}

async function tellRows(table: EndpointTable, follower: RowsFollower): Promise<void> {
  const shared = table.settings;
  if (shared !== undefined && !shared.some(({ register }) => register)) {
    follower.watchPools?.(new Set(shared.flatMap(nextHopsOf)));
    follower.keepRegistered?.([]);
    return;
  }
  const pools = new Set<string>();
  const addresses: string[] = [];
  let rows = 0;
  for (const row of table.all()) {
    if (follower.watchPools) for (const uri of nextHopsOf(row)) pools.add(uri);
    if (row.register && row.enabled && row.retired === undefined) addresses.push(row.sipAddress);
    if (++rows % ROWS_AT_ONCE === 0) await setImmediate();
  }
  follower.watchPools?.(pools);
  follower.keepRegistered?.(addresses);
}
