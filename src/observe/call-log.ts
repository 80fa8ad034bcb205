import type { Logger } from "pino";
import type { RequestFinished } from "../sip/event.ts";
import type { Flow, Target } from "../sip/flow.ts";
import type { Taps } from "./channels.ts";
import { redactMessage } from "./redact.ts";

/**
 * Writes what the gateway does: one line per request outside of a dialog at level info (so one per call), requests
 * inside a dialog and dropped messages at debug, a failed pool address at warn, the text of messages at trace. What the
 * level leaves out is not listened to.
 */
export function tapCallLog(taps: Taps, log: Logger): void {
  if (log.isLevelEnabled("info")) taps.on("request", (event) => logRequest(log, event));
  if (log.isLevelEnabled("warn")) {
    taps.on("branch-failed", ({ callId, method, target, reason }) => {
      log.warn({ callId, method, target: targetText(target), reason }, "a pool address failed");
    });
  }
  if (log.isLevelEnabled("debug")) {
    taps.on("dropped", ({ source, reason }) => {
      log.debug({ source: flowText(source), reason }, "a message was dropped");
    });
  }
  if (log.isLevelEnabled("trace")) {
    taps.on("message", ({ direction, source, bytes }) => {
      log.trace({ peer: flowText(source), message: redactMessage(bytes) }, direction);
    });
  }
}

function logRequest(log: Logger, event: RequestFinished): void {
  const inside = event.decision === "dialog" || event.decision === "self";
  const level = inside ? "debug" : "info";
  if (!log.isLevelEnabled(level)) return;
  log[level](
    {
      method: event.method,
      requestUri: event.requestUri,
      from: event.from,
      decision: event.decision,
      endpoint: event.endpoint,
      target: event.target === undefined ? undefined : targetText(event.target),
      status: event.status,
      ms: Math.round(event.durationMs),
      source: flowText(event.source),
      callId: event.callId,
      reason: event.explanation,
    },
    event.status === 0 ? "a request got no answer" : "a request was answered",
  );
}

function targetText(target: Target): string {
  return `${target.host} ${target.transport}:${target.address}:${target.port}`;
}

function flowText(flow: Flow): string {
  return `${flow.transport}:${flow.remoteAddress}:${flow.remotePort}`;
}
