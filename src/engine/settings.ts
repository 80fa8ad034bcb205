import type { Config } from "../config/config.ts";
import type { HealthSettings } from "../locate/health-state.ts";
import type { CoreOptions } from "../sip/core-options.ts";
import type { ListenSpec } from "../transport/part.ts";

/** What the configuration means for each part of the embedded engine: pure, and in the words of that part. */

export function listenSpecs({ listen }: Config): ListenSpec[] {
  return listen.map(({ advertise, trust: _, ...spec }) => ({
    ...spec,
    ...(advertise === undefined ? {} : { advertisedHost: advertise.host }),
    ...(advertise?.port === undefined ? {} : { advertisedPort: advertise.port }),
  }));
}

export function healthSettings({ failover, probe }: Config): Partial<HealthSettings> {
  return {
    holdMs: failover.holdSeconds * 1000,
    maxHoldMs: failover.maxHoldSeconds * 1000,
    maxRetryAfterMs: failover.maxRetryAfterSeconds * 1000,
    ...(probe === undefined ? {} : { downAfter: probe.downAfter, upAfter: probe.upAfter }),
  };
}

export function coreSettings({
  timers,
  limits,
}: Config): Pick<CoreOptions, "maxUdpRequestBytes" | "timers" | "limits"> {
  return {
    maxUdpRequestBytes: limits.maxUdpRequestBytes,
    timers: {
      timerC: timers.ringingMs,
      firstResponse: timers.firstResponseMs,
      inDialogResponse: timers.inDialogResponseMs,
    },
    limits: {
      transactions: limits.maxTransactions,
      ...(limits.newPerSecond > 0 ? { newPerSecond: limits.newPerSecond } : {}),
    },
  };
}
