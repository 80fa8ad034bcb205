import type { Registry } from "prom-client";
import type { EndpointUse, Usage } from "../usage.ts";
import { counter, gauge, type Put } from "./parts.ts";

/** What of the table is shown. */
export interface ObservedTable {
  readonly size: number;
  readonly revision: number;
  all(): Iterable<{ readonly sipAddress: string }>;
}

/** The label of what goes to addresses that have no series of their own. */
const OTHERS = "(others)";
const NEVER: EndpointUse = { answered: 0, failed: 0, lastAt: 0 };

/**
 * One series per row of the table, whether it was called or not. A table of more than `limit` rows has them only for
 * rows that were called, and for `limit` of those; the others are counted together.
 */
export function endpointMetrics(registry: Registry, table: ObservedTable, usage: Usage, limit: number): void {
  const isLimited = (): boolean => table.size > limit;
  const each = (put: (use: EndpointUse, address: string) => void): void => {
    if (isLimited()) for (const [address, use] of usage.uses()) put(use, address);
    else {
      const uses = usage.uses();
      const addresses = new Set<string>();
      for (const { sipAddress } of table.all()) {
        addresses.add(sipAddress);
        put(uses.get(sipAddress) ?? NEVER, sipAddress);
      }
      usage.keepOnly((address) => addresses.has(address));
    }
    if (isLimited() || usage.others.lastAt > 0) put(usage.others, OTHERS);
  };
  counter(
    registry,
    {
      name: "waypost_endpoint_requests_total",
      help: "Requests outside of dialogs to a legacy address",
      labels: ["endpoint", "result"],
    },
    (put) =>
      each((use, address) => {
        put(use.answered, address, "answered");
        put(use.failed, address, "failed");
      }),
  );
  gauge(
    registry,
    {
      name: "waypost_endpoint_last_request_timestamp_seconds",
      help: "When a legacy address was last asked for, 0 if not since the start",
      labels: ["endpoint"],
      aggregator: "max",
    },
    (put) => each((use, address) => put(use.lastAt / 1000, address)),
  );
  const single = (name: `waypost_${string}`, help: string, value: () => number): void =>
    gauge(registry, { name, help, aggregator: "max" }, (put: Put) => put(value()));
  single("waypost_endpoints", "Rows of the table in force", () => table.size);
  single("waypost_table_revision", "Revision of the table in force", () => table.revision);
  single("waypost_endpoint_series_limited", "1 where the table has too many rows for a series each, else 0", () =>
    isLimited() ? 1 : 0,
  );
}
