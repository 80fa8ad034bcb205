import { spawnSync } from "node:child_process";
import { availableParallelism, cpus, loadavg, release } from "node:os";

/** The cores that server and load generator are bound to; undefined: any. */
export interface Cores {
  readonly server: number | undefined;
  readonly generator: number | undefined;
}

/** A core for the server and another one for the load generator, where there are two and `taskset` to bind them. */
export function ownCores(): Cores {
  const bind = availableParallelism() > 1 && spawnSync("taskset", ["-V"]).status === 0;
  return bind ? { server: 0, generator: 1 } : { server: undefined, generator: undefined };
}

/** What the figures depend on. */
export function machine(): { cpu: string; cores: number; kernel: string; node: string; loadAverage: number } {
  const [first] = cpus();
  return {
    cpu: first?.model.trim() ?? "unknown",
    cores: availableParallelism(),
    kernel: release(),
    node: process.version,
    loadAverage: Number(loadavg()[0]!.toFixed(1)),
  };
}

/** The revision of the working tree, with `+` after it where something is not committed. */
export function revision(): string {
  const git = (...args: string[]): string => spawnSync("git", args, { encoding: "utf8" }).stdout?.trim() ?? "";
  return git("rev-parse", "--short", "HEAD") + (git("status", "--porcelain", "--untracked-files=no") === "" ? "" : "+");
}
