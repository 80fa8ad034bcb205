import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** What a server under test is to be. Every server gets the same. */
export interface ServerSetup {
  /** Redirects every address of its table, or proxies to `127.0.0.1:poolPort`; then `moved0` alone is redirected. */
  readonly mode: "redirect" | "proxy";
  readonly transport: "udp" | "tcp" | "tls";
  readonly port: number;
  readonly poolPort: number;
  /** Rows `ocschatI@contoso.com`, I from 0; where they are redirected, to `poolJ.contoso.com`, J = I mod 50. */
  readonly rows: number;
  /** PEM files for `tls`. */
  readonly tls: { readonly cert: string; readonly key: string };
  /** A line of log for each call, else warnings alone. */
  readonly logged: boolean;
  /** A folder of its own; what it logs is in `log` there. */
  readonly folder: string;
  /** The core that it is bound to; undefined: any. */
  readonly core: number | undefined;
}

/** A server that answers. */
export interface RunningServer {
  readonly name: string;
  readonly setup: ServerSetup;
  /** The first of its processes. */
  readonly pid: number;
  /** From the start of its process until it took calls. */
  readonly startMs: number;
  /** How late the event loop ran at p99 since it was asked last, in milliseconds; undefined where there is none. */
  loopDelayMs(): Promise<number | undefined>;
  stop(): Promise<void>;
}

/** The end of what a server has logged, for whoever looks for the reason of wrong answers. */
export function logTail({ folder }: ServerSetup): string {
  return readFileSync(join(folder, "log"), "latin1").slice(-1000);
}

export type StartServer = (setup: ServerSetup) => Promise<RunningServer>;

/** Files that a process may have open, where the system lets us ask for them: each connection takes one. */
const OPEN_FILES = 65_536;

/** A command that is bound to a core, where one is given, and may have many connections. */
export function onCore(core: number | undefined, command: string, args: readonly string[]): [string, string[]] {
  const bound = core === undefined ? [command, ...args] : ["taskset", "-c", String(core), command, ...args];
  // What must not be raised stays as it is.
  return ["sh", ["-c", `ulimit -n ${OPEN_FILES} 2>/dev/null || ulimit -n $(ulimit -Hn); exec "$@"`, "sh", ...bound]];
}

/** Ends a process in good order; after 15 s without. */
export async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill("SIGTERM");
  const late = setTimeout(() => child.kill("SIGKILL"), 15_000);
  await exited;
  clearTimeout(late);
}
