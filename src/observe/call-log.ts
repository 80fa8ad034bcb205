import type { Logger } from "pino";
import type { CoreEvent, RequestFinished } from "../sip/event.ts";
import type { Flow, Target } from "../sip/flow.ts";

/**
 * Writes what the SIP core reports: one line per request outside of a dialog at level info (so one per call), requests
 * inside a dialog and dropped messages at debug, a failed pool address at warn.
 */
export function logEvent(log: Logger, event: CoreEvent): void {
  switch (event.type) {
    case "request":
      logRequest(log, event);
      break;
    case "branch-failed":
      log.warn(
        { callId: event.callId, method: event.method, target: targetText(event.target), reason: event.reason },
        "a pool address failed",
      );
      break;
    case "dropped":
      log.debug({ source: flowText(event.source), reason: event.reason }, "a message was dropped");
      break;
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
