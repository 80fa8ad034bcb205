import { hostPort } from "../address.ts";
import type { Target } from "../sip/flow.ts";
import { type DrainInForce, type Entry, type Failure, type HealthSettings, observedState } from "./health-state.ts";

/** `pcpool.contoso.com 10.1.2.3:5061 tls: down for 4 s after 3 connection refusals, next try in 2 s` */
export function explainAddress(
  target: Target,
  entry: Entry,
  drain: DrainInForce | undefined,
  settings: HealthSettings,
  now: number,
): string {
  const { host, address, port, transport } = target;
  const place = hostPort(address, port);
  const name = host === address ? "" : `${host} `;
  const observed = explainObserved(entry, settings, now);
  if (drain === undefined) return `${name}${place} ${transport}: ${observed}`;
  const why = drain.reason === undefined ? "" : ` (${drain.reason})`;
  return `${name}${place} ${transport}: drained by ${drain.by} for ${time(now - drain.since)}${why}; else ${observed}`;
}

function explainObserved(entry: Entry, settings: HealthSettings, now: number): string {
  const { trouble, probe } = entry;
  const state = observedState(entry, now);
  if (state === "down") {
    const since = time(now - probe!.downSince!);
    const next = probe!.nextAt === undefined ? "" : `, next probe ${soon(probe!.nextAt - now)}`;
    const count = `${probe!.failuresInRow} failures in a row`;
    return `down for ${since} after ${count}, the last: ${describe(probe!.lastFailure!)}${next}; up after ${settings.upAfter} answers`;
  }
  if (trouble !== undefined) {
    const next = {
      up: "",
      down: "",
      held: `next try in ${time(trouble.heldUntil - now)}`,
      due: "the next request tries it",
      trial: "being tried now",
    }[state];
    return `down for ${time(now - trouble.since)} after ${failures(trouble)}, ${next}`;
  }
  const answeredAt = Math.max(entry.answeredAt ?? -1, probe?.answeredAt ?? -1);
  if (answeredAt < 0) return "not used yet";
  return `up, answered ${time(now - answeredAt)} ago`;
}

function failures({ failures, mixed, last }: { failures: number; mixed: boolean; last: Failure }): string {
  if (mixed) return `${failures} failures, the last: ${describe(last)}`;
  const s = failures === 1 ? "" : "s";
  if (last.kind === "timeout") return `${failures} request${s} without an answer`;
  if (last.kind === "unavailable") return failures === 1 ? "an answer 503" : `${failures} answers 503`;
  if (isRefusal(last.reason)) return `${failures} connection refusal${s}`;
  return failures === 1 ? `a failure: ${last.reason}` : `${failures} failures, the last: ${last.reason}`;
}

function describe(failure: Failure): string {
  switch (failure.kind) {
    case "timeout":
      return "no answer";
    case "unavailable":
      return "an answer 503";
    case "transport":
      return failure.reason;
  }
}

function isRefusal(reason: string): boolean {
  return reason.startsWith("connection refused");
}

function soon(ms: number): string {
  return ms <= 0 ? "now" : `in ${time(ms)}`;
}

/** A length of time for people, rounded up so that nothing is said to come in 0 s. */
function time(ms: number): string {
  const seconds = Math.max(1, Math.ceil(ms / 1000));
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 120 ? `${minutes} min` : `${Math.round(minutes / 60)} h`;
}
