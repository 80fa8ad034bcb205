import type { Registry } from "prom-client";
import type { Taps } from "../channels.ts";
import { counter, gauge } from "./parts.ts";

/** A legacy address at the registrar, as it is now. */
export interface ObservedRegistration {
  readonly endpoint: string;
  readonly state: string;
  readonly secondsLeft: number;
}

/** Registrations that have a series each; of more, the first. */
const MAX_SERIES = 1000;

/** How our own registrations fare. */
export function registrationMetrics(
  registry: Registry,
  taps: Taps,
  registrations: () => readonly ObservedRegistration[],
): void {
  const attempts = new Map<string, number>();
  taps.on("registration", ({ result }) => void attempts.set(result, (attempts.get(result) ?? 0) + 1));
  counter(
    registry,
    {
      name: "waypost_registration_attempts_total",
      help: "Attempts to register a legacy address, by how they ended",
      labels: ["result"],
    },
    (put) => {
      for (const [result, count] of attempts) put(count, result);
    },
  );
  gauge(
    registry,
    {
      name: "waypost_registration_seconds_left",
      help: "For how long a legacy address is still registered, 0 if it is not",
      labels: ["endpoint"],
      aggregator: "max",
    },
    (put) => {
      for (const { endpoint, secondsLeft } of registrations().slice(0, MAX_SERIES)) put(secondsLeft, endpoint);
    },
  );
}
