import { readFileSync } from "node:fs";
import { hostname } from "node:os";

/** A process on some machine, as a file names it so that others can tell whether it still lives. */
export interface ProcessMark {
  readonly pid: number;
  readonly host: string;
  /** When the process started, in the kernel's ticks: tells it from a later process with the same pid. */
  readonly started?: string;
}

/** The mark of this process. */
export function ownMark(): ProcessMark {
  const started = startOf(process.pid);
  return { pid: process.pid, host: hostname(), ...(started === undefined ? undefined : { started }) };
}

/** Whether a process lives; undefined for one of another host, since nobody here can see it. */
export function isAlive({ pid, host, started }: ProcessMark): boolean | undefined {
  if (host !== hostname()) {
    return undefined;
  }
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") {
      return false;
    }
  }
  return started === undefined || startOf(pid) === started;
}

/** Field 22 of /proc/PID/stat where there is a /proc; the second field may itself contain blanks and brackets. */
function startOf(pid: number): string | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "latin1");
    return text.slice(text.lastIndexOf(")") + 2).split(" ")[19];
  } catch {
    return undefined;
  }
}
