import type { RegistrationCounts } from "./endpoints/store.ts";
import type { RegistrationReport } from "./engine/engine.ts";

/** The sum of all, for a gateway's report; nothing where there are none. */
export function registrationCounts(all: readonly RegistrationReport[]): { registrations?: RegistrationCounts } {
  if (all.length === 0) return {};
  const counts = { registered: 0, pending: 0, failed: 0 };
  for (const { state } of all) counts[state]++;
  const trouble = all.find(({ state }) => state === "failed") ?? all.find(({ kind }) => kind !== undefined);
  if (trouble === undefined) return { registrations: counts };
  return { registrations: { ...counts, trouble: `${trouble.endpoint} ${trouble.sentence}` } };
}
