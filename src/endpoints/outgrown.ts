/**
 * A table, or its history, is larger than the process may read that asks for it: a process that serves calls leaves
 * what takes longer to another one.
 */
export class Outgrown extends Error {
  constructor(path: string) {
    super(`${path} has outgrown the process that serves calls`);
  }
}
