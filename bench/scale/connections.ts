import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { processMemory, together } from "../load/process-memory.ts";
import { tableOf } from "../report.ts";
import { onCore } from "../servers/server.ts";
import { type Stage, withServer } from "./stage.ts";

/** Fewer where the system permits fewer open files to a process. */
const CONNECTIONS = 20_000;
/** Files that a server has open besides. */
const OTHER_FILES = 200;
const PER_PROCESS = 5000;
/** A server under load takes so much time for its handshakes; beyond it, this ends. */
const DEADLINE_MS = 300_000;

/** Connections that are open and idle: the memory that each takes, and how long it took to open them. */
export async function connections(stage: Stage): Promise<string[]> {
  const lines: string[][] = [];
  const wanted = Math.min(CONNECTIONS, mostFiles() - OTHER_FILES);
  for (const transport of ["tcp", "tls"] as const) {
    for (const start of [stage.kamailio, stage.waypost]) {
      if (start === undefined) continue;
      await withServer(stage, start, { mode: "proxy", transport, rows: 1 }, async ({ name, pid, setup }) => {
        await pause(1000);
        const before = together(processMemory(pid));
        const clients: ChildProcess[] = [];
        const startedAt = performance.now();
        let opened = 0;
        let failure = "";
        try {
          for (let from = 0; from < wanted; from += PER_PROCESS) {
            const said = await openClient(
              transport,
              setup.port,
              Math.min(PER_PROCESS, wanted - from),
              clients,
              stage.cores.generator,
            );
            opened += Number(/opened (\d+)/.exec(said)?.[1] ?? 0);
            failure ||= /failed [1-9].*/.exec(said)?.[0] ?? "";
          }
          const seconds = (performance.now() - startedAt) / 1000;
          await pause(3000);
          const after = together(processMemory(pid));
          const each = ((after - before) * 1024) / opened;
          lines.push([
            ...[name, transport, String(opened), before.toFixed(0), after.toFixed(0), each.toFixed(1)],
            ...[seconds.toFixed(0), failure],
          ]);
        } finally {
          for (const client of clients) client.kill("SIGKILL");
        }
      });
    }
  }
  return tableOf(["server", "transport", "open", "MB before", "MB with them", "kB each", "s to open", "failed"], lines);
}

async function openClient(
  transport: string,
  port: number,
  count: number,
  clients: ChildProcess[],
  core: number | undefined,
): Promise<string> {
  const script = join(import.meta.dirname, "../load/idle.js");
  const args = [script, transport, String(port), String(count)];
  const client = spawn(...onCore(core, process.execPath, args), { stdio: ["pipe", "pipe", "inherit"] });
  clients.push(client);
  const signal = AbortSignal.timeout(DEADLINE_MS);
  const [said] = await once(client.stdout!, "data", { signal });
  return String(said);
}

function mostFiles(): number {
  const [command, args] = onCore(undefined, "sh", ["-c", "ulimit -n"]);
  return Number(execFileSync(command, args, { encoding: "utf8" })) || CONNECTIONS;
}
