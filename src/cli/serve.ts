import cluster from "node:cluster";
import { once } from "node:events";
import { holdHeap, makeNothingOld } from "../heap.ts";
import type { Listener } from "../sip/flow.ts";

/**
 * `waypost serve`: the gateway with its configuration, until a signal ends it. Gives the exit status. In the process
 * that people start this is the supervisor, in those that it starts the gateway.
 */
export async function runServe(file: string | undefined): Promise<number> {
  makeNothingOld();
  const letHeapGrow = holdHeap();
  const { createLog } = await import("../observe/log.ts");
  if (cluster.isPrimary) {
    const { supervise } = await import("../supervisor/supervise.ts");
    return supervise(createLog);
  }
  const { serveAsMember } = await import("../supervisor/member.ts");
  const { loadConfig } = await import("../config/load.ts");
  const { startGateway } = await import("../daemon.ts");
  await serveAsMember({
    loadConfig: () => loadConfig({ file, env: process.env, cwd: process.cwd() }),
    createLog,
    startGateway,
    readyLine: ({ listeners, table }) => {
      letHeapGrow();
      return readyLine(listeners, table.size);
    },
  });
  return 0;
}

/** The one line that tells people and scripts that calls are taken from now on. */
export function readyLine(listeners: readonly Listener[], endpoints: number): string {
  const where = listeners.map(({ transport, family, address, port }) => {
    return `${transport}:${family === 6 ? `[${address}]` : address}:${port}`;
  });
  return `waypost ready on ${where.join(" ")}, ${endpoints} ${endpoints === 1 ? "endpoint" : "endpoints"}`;
}

/** Resolves at the first SIGINT or SIGTERM. A second one ends the process at once. */
export async function stopSignal(): Promise<void> {
  await Promise.race([once(process, "SIGINT"), once(process, "SIGTERM")]);
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));
}
