import type { Registry } from "prom-client";
import type { RequestFinished } from "../../sip/event.ts";
import type { Taps } from "../channels.ts";
import { histogram } from "./histogram.ts";
import { counter } from "./parts.ts";

/** Methods that have series of their own; whatever else a stranger invents is counted as `other`. */
const METHODS = new Set([
  ...["INVITE", "BYE", "CANCEL", "INFO", "UPDATE", "OPTIONS", "MESSAGE", "SUBSCRIBE", "NOTIFY", "REFER", "PRACK"],
  ...["PUBLISH", "REGISTER", "SERVICE", "BENOTIFY", "NEGOTIATE"],
]);

/** In seconds: from an answer of our own to a pool that has to be given up. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 32, 181];

/** Transactions, by what was decided and how they were answered. */
export function requestMetrics(registry: Registry, taps: Taps): void {
  /** By method, by decision, by status: in steps, since this is done for every request. */
  const counts = new Map<string, Map<string, Map<number, number>>>();
  const observe = histogram(
    registry,
    {
      name: "waypost_request_duration_seconds",
      help: "Time from the arrival of a request to its final answer",
      label: "decision",
    },
    BUCKETS,
  );
  let failedBranches = 0;
  let dropped = 0;
  taps.on("request", (event) => {
    const { decision, status } = event;
    const byStatus = inner(inner(counts, methodOf(event)), decision);
    byStatus.set(status, (byStatus.get(status) ?? 0) + 1);
    observe(decision, event.durationMs / 1000);
  });
  taps.on("branch-failed", () => failedBranches++);
  taps.on("dropped", () => dropped++);
  counter(
    registry,
    { name: "waypost_requests_total", help: "Requests answered", labels: ["method", "decision", "code"] },
    (put) => {
      for (const [method, byDecision] of counts) {
        for (const [decision, byStatus] of byDecision) {
          for (const [status, value] of byStatus) put(value, method, decision, String(status));
        }
      }
    },
  );
  counter(
    registry,
    {
      name: "waypost_branch_failures_total",
      help: "Addresses that failed a request, which then went to the next one or back",
    },
    (put) => put(failedBranches),
  );
  counter(registry, { name: "waypost_messages_dropped_total", help: "Messages dropped without an answer" }, (put) =>
    put(dropped),
  );
}

/** The map at this key of a map of maps, made when there is none. */
function inner<Key, Value>(outer: Map<string, Map<Key, Value>>, key: string): Map<Key, Value> {
  let found = outer.get(key);
  if (found === undefined) outer.set(key, (found = new Map()));
  return found;
}

function methodOf({ method }: RequestFinished): string {
  return METHODS.has(method) ? method : "other";
}
