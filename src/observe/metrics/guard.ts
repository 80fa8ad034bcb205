import type { Registry } from "prom-client";
import { counter, gauge } from "./parts.ts";

/** What a guard has done since the start, and how it stands. */
export interface ObservedGuard {
  readonly counts: {
    readonly limited: number;
    readonly bannedMessages: number;
    readonly bannedConnections: number;
    readonly crowdedConnections: number;
    readonly bansBegun: number;
    readonly overloadNew: number;
    readonly overloadInDialog: number;
    readonly bans: number;
    readonly share: number;
  };
}

/** Who was kept out before a message was read. */
export function guardMetrics(registry: Registry, guard: ObservedGuard): void {
  counter(
    registry,
    {
      name: "waypost_guard_refusals_total",
      help: "Messages and connections kept out before a message was read",
      labels: ["reason"],
    },
    (put) => {
      const now = guard.counts;
      put(now.limited, "rate");
      put(now.bannedMessages, "banned");
      put(now.bannedConnections, "banned-connection");
      put(now.crowdedConnections, "connections");
      put(now.overloadNew, "overload");
      put(now.overloadInDialog, "overload-in-dialog");
    },
  );
  counter(registry, { name: "waypost_bans_total", help: "Bans begun" }, (put) => put(guard.counts.bansBegun));
  gauge(registry, { name: "waypost_bans", help: "Sources banned at the moment" }, (put) => put(guard.counts.bans));
  gauge(
    registry,
    {
      name: "waypost_admitted_share",
      help: "Share of new requests that is let in: 1 but under overload",
      aggregator: "min",
    },
    (put) => put(guard.counts.share),
  );
}
