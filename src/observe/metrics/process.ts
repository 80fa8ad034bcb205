import { type IntervalHistogram, monitorEventLoopDelay } from "node:perf_hooks";
import type { Registry } from "prom-client";
import { counter, gauge } from "./parts.ts";

const NS = 1e9;
/** The event loop is looked at this often. The histogram holds the time from look to look. */
const LOOK_MS = 20;

/** The process itself. @returns ends the measuring */
export function processMetrics(registry: Registry, version: string): () => void {
  const startedAt = Date.now() / 1000 - process.uptime();
  const delay: IntervalHistogram = monitorEventLoopDelay({ resolution: LOOK_MS });
  const late = (nanoseconds: number): number => Math.max(0, nanoseconds / NS - LOOK_MS / 1000);
  delay.enable();
  gauge(
    registry,
    { name: "waypost_build_info", help: "1, with the version", labels: ["version"], aggregator: "first" },
    (put) => put(1, version),
  );
  gauge(
    registry,
    { name: "waypost_start_timestamp_seconds", help: "When the process started", aggregator: "min" },
    (put) => put(startedAt),
  );
  counter(registry, { name: "waypost_process_cpu_seconds_total", help: "User and system time used" }, (put) => {
    const { user, system } = process.cpuUsage();
    put((user + system) / 1e6);
  });
  gauge(registry, { name: "waypost_process_resident_memory_bytes", help: "Resident memory of the process" }, (put) =>
    put(process.memoryUsage.rss()),
  );
  gauge(
    registry,
    {
      name: "waypost_event_loop_delay_seconds",
      help: "How late the event loop ran since the last reading",
      labels: ["quantile"],
      aggregator: "max",
    },
    (put) => {
      put(late(delay.percentile(50)), "0.5");
      put(late(delay.percentile(99)), "0.99");
      put(late(delay.max), "1");
      delay.reset();
    },
  );
  return () => delay.disable();
}
