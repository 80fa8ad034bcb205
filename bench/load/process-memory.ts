import { readFileSync } from "node:fs";
import { withChildren } from "./process-figures.ts";

/** Memory of one process, in MB. */
export interface ProcessMemory {
  /** The end of its command line. */
  readonly what: string;
  readonly resident: number;
  /** What no other process has. */
  readonly own: number;
  /** What other processes have as well: mostly the program itself and its libraries. */
  readonly shared: number;
}

/** Of a process and all its children; Linux only. */
export function processMemory(pid: number): ProcessMemory[] {
  return withChildren(pid).map((one) => {
    const text = readFileSync(`/proc/${one}/smaps_rollup`, "latin1");
    const mb = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(text)?.[1] ?? 0) / 1024;
    const command = readFileSync(`/proc/${one}/cmdline`, "latin1").split("\0").filter(Boolean);
    return {
      what: command.slice(1, 2).join(" ").split("/").slice(-2).join("/"),
      resident: mb("Rss"),
      own: mb("Private_Clean") + mb("Private_Dirty"),
      shared: mb("Shared_Clean") + mb("Shared_Dirty"),
    };
  });
}

/** What they take together: what is shared counts once. Whatever else runs the same program makes no difference. */
export function together(processes: readonly ProcessMemory[]): number {
  const own = processes.reduce((sum, one) => sum + one.own, 0);
  return own + Math.max(...processes.map(({ shared }) => shared));
}
