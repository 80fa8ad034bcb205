import { setTimeout as sleep } from "node:timers/promises";

/** How long a state may take to come on a busy machine. */
const PATIENCE_MS = 60_000;
const LOOK_MS = 50;

/**
 * Looks again and again until there is something to see.
 * @param look gives undefined as long as it is not there; its error counts as that too
 * @param what for the error when it never comes
 */
export async function eventually<T>(what: string, look: () => Promise<T | undefined> | T | undefined): Promise<T> {
  const end = performance.now() + PATIENCE_MS;
  let last: unknown;
  while (performance.now() < end) {
    try {
      const seen = await look();
      if (seen !== undefined) return seen;
    } catch (error) {
      last = error;
    }
    await sleep(LOOK_MS);
  }
  throw new Error(`${what} did not come about`, { cause: last });
}
