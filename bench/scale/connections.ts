import { setTimeout as pause } from "node:timers/promises";
import { processMemory, together } from "../load/process-memory.ts";
import { tableOf } from "../report.ts";
import { IdleClients, manyConnections } from "./idle-clients.ts";
import { type Stage, withServer } from "./stage.ts";

/** Connections that are open and idle: the memory that each takes, and how long it took to open them. */
export async function connections(stage: Stage): Promise<string[]> {
  const lines: string[][] = [];
  for (const transport of ["tcp", "tls"] as const) {
    for (const start of [stage.kamailio, stage.waypost]) {
      if (start === undefined) continue;
      await withServer(stage, start, { mode: "proxy", transport, rows: 1 }, async ({ name, pid, setup }) => {
        await pause(1000);
        const before = together(processMemory(pid));
        const clients = new IdleClients();
        const startedAt = performance.now();
        try {
          await clients.open(transport, setup.port, manyConnections(), stage.cores.generator);
          const seconds = (performance.now() - startedAt) / 1000;
          await pause(3000);
          const after = together(processMemory(pid));
          const { opened, failure } = clients;
          const each = ((after - before) * 1024) / opened;
          lines.push([
            ...[name, transport, String(opened), before.toFixed(0), after.toFixed(0), each.toFixed(1)],
            ...[seconds.toFixed(0), failure],
          ]);
        } finally {
          clients.close();
        }
      });
    }
  }
  return tableOf(["server", "transport", "open", "MB before", "MB with them", "kB each", "s to open", "failed"], lines);
}
