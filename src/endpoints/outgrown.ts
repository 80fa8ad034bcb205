import { stat } from "node:fs/promises";

/**
 * A table, or its history, is larger than the process may read that asks for it: a process that serves calls leaves
 * what takes longer to another one.
 */
export class Outgrown extends Error {
  constructor(path: string) {
    super(`${path} has outgrown the process that serves calls`);
  }
}

/** Rejects with Outgrown when the file has more than `bytes`; one that is not there has none. */
export async function refuseOutgrown(path: string, bytes: number): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found !== undefined && found.size > bytes) throw new Outgrown(path);
}
