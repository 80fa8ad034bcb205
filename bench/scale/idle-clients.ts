import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { onCore } from "../servers/server.ts";

/** Fewer where the system permits fewer open files to a process. */
const CONNECTIONS = 20_000;
/** Files that a server has open besides. */
const OTHER_FILES = 200;
const PER_PROCESS = 5000;
/** A server under load takes so much time for its handshakes; beyond it, this ends. */
const DEADLINE_MS = 300_000;

/** As many connections as a server can be asked to hold here. */
export function manyConnections(): number {
  const [command, args] = onCore(undefined, "sh", ["-c", "ulimit -n"]);
  const files = Number(execFileSync(command, args, { encoding: "utf8" })) || CONNECTIONS;
  return Math.min(CONNECTIONS, files - OTHER_FILES);
}

/** Clients that connect to a server and then say nothing, in processes of their own. */
export class IdleClients {
  opened = 0;
  /** How many could not be opened and why the first could not; the empty string when all are open. */
  failure = "";
  private readonly processes: ChildProcess[] = [];

  /** @param core that the clients are bound to, if to any */
  async open(transport: "tcp" | "tls", port: number, count: number, core: number | undefined): Promise<void> {
    for (let from = 0; from < count; from += PER_PROCESS) {
      const some = String(Math.min(PER_PROCESS, count - from));
      const args = [join(import.meta.dirname, "../load/idle.js"), transport, String(port), some];
      const client = spawn(...onCore(core, process.execPath, args), { stdio: ["pipe", "pipe", "inherit"] });
      this.processes.push(client);
      const [said] = await once(client.stdout!, "data", { signal: AbortSignal.timeout(DEADLINE_MS) });
      this.opened += Number(/opened (\d+)/.exec(String(said))?.[1] ?? 0);
      this.failure ||= /failed [1-9].*/.exec(String(said))?.[0] ?? "";
    }
  }

  close(): void {
    for (const client of this.processes) client.kill("SIGKILL");
  }
}
