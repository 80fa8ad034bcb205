import { readFileSync } from "node:fs";

/** The processes that this one has started, and those that these have started. */
export function descendants(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "latin1").trim();
  const pids = children === "" ? [] : children.split(" ").map(Number);
  return pids.flatMap((each) => [each, ...descendants(each)]);
}

/** Sends a signal to a process that may have ended. */
export function signalIfThere(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
