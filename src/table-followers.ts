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

/** Tells `follower`, each time the result is called, what the rows are; a large table is gone through between calls. */
export function tableFollower(table: EndpointTable, follower: RowsFollower): () => void {
  if (follower.watchPools === undefined && follower.keepRegistered === undefined) return () => {};
  let wanted = 0;
  return async () => {
    const turn = ++wanted;
    const pools = new Set<string>();
    const addresses: string[] = [];
    let rows = 0;
    for (const row of table.all()) {
      if (follower.watchPools) for (const uri of nextHopsOf(row)) pools.add(uri);
      if (row.register && row.enabled && row.retired === undefined) addresses.push(row.sipAddress);
      if (++rows % ROWS_AT_ONCE !== 0) continue;
      await setImmediate();
      if (turn !== wanted) return;
    }
    follower.watchPools?.(pools);
    follower.keepRegistered?.(addresses);
  };
}
