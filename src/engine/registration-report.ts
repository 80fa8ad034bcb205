import type { Registration } from "../registration/registration.ts";
import type { RegistrationReport } from "./engine.ts";

/** How a legacy address is registered, for people and programs. @param now on the clock of the registration, in ms */
export function reportOf(registration: Registration, now: number): RegistrationReport {
  const { address, trouble, registrar, boundUntil, nextAt } = registration;
  const bound = registration.isBound(now);
  const report = {
    endpoint: address,
    state: bound ? "registered" : trouble === undefined ? "pending" : "failed",
    secondsLeft: bound ? Math.round((boundUntil - now) / 1000) : 0,
    nextTrySeconds: Math.max(0, Math.round((nextAt - now) / 1000)),
    ...(registrar === undefined
      ? {}
      : { registrar: `${registrar.host} ${registrar.transport}:${registrar.address}:${registrar.port}` }),
    ...(trouble === undefined ? {} : { kind: trouble.kind, reason: trouble.reason, times: trouble.times }),
  } as const;
  return { ...report, sentence: sentenceOf(report, registration.busy) };
}

function sentenceOf(report: Omit<RegistrationReport, "sentence">, busy: boolean): string {
  const { state, secondsLeft, nextTrySeconds, registrar, kind, reason, times = 0 } = report;
  const next = busy ? "being tried now" : `next try in ${nextTrySeconds} s`;
  const failure = `${times === 1 ? "the last attempt" : `the last ${times} attempts`} failed (${kind}): ${reason}`;
  if (state === "pending") return busy ? "is being registered now" : `waits for its turn, ${next}`;
  if (state === "failed") return `is not registered, ${failure}; ${next}`;
  const at = registrar === undefined ? "" : ` at ${registrar}`;
  const registered = `is registered${at} for another ${secondsLeft} s`;
  if (kind !== undefined) return `${registered}, but ${failure}; ${next}`;
  return `${registered}, ${busy ? "being refreshed now" : `to be refreshed in ${nextTrySeconds} s`}`;
}
