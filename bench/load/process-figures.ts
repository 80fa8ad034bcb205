import { readdirSync, readFileSync } from "node:fs";

/** CPU time in microseconds and resident memory of a process and all its children; from /proc, so Linux only. */
export function processFigures(pid: number): { user: number; system: number; residentMb: number } {
  const total = { user: 0, system: 0, residentMb: 0 };
  for (const one of withChildren(pid)) {
    try {
      const stat = readFileSync(`/proc/${one}/stat`, "latin1");
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      // Clock ticks are hundredths of a second on every Linux that Node runs on.
      total.user += Number(fields[11]) * 10_000;
      total.system += Number(fields[12]) * 10_000;
      const resident = /^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${one}/smaps_rollup`, "latin1"));
      total.residentMb += Number(resident?.[1] ?? 0) / 1024;
    } catch {
      // It has ended in between.
    }
  }
  return total;
}

/** A process, its children and theirs. */
export function withChildren(pid: number): number[] {
  const all = [pid];
  for (let i = 0; i < all.length; i++) {
    try {
      for (const task of readdirSync(`/proc/${all[i]}/task`)) {
        const children = readFileSync(`/proc/${all[i]}/task/${task}/children`, "latin1");
        all.push(...children.split(" ").filter(Boolean).map(Number));
      }
    } catch {
      // It has ended in between.
    }
  }
  return all;
}

/** Microseconds that a core was busy with anything, or taken away by a hypervisor, since the machine started. */
export function coreBusy(core: number): number {
  const line = readFileSync("/proc/stat", "latin1")
    .split("\n")
    .find((each) => each.startsWith(`cpu${core} `));
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] =
    line?.split(" ").slice(1).map(Number) ?? [];
  return (user + nice + system + irq + softirq + steal) * 10_000;
}
