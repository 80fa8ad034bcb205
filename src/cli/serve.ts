import { once } from "node:events";
import { tellServiceManager } from "../service-manager.ts";
import type { Listener } from "../sip/flow.ts";

/** `waypost serve`: the gateway with its configuration, until a signal ends it. Gives the exit status. */
export async function runServe(file: string | undefined): Promise<number> {
  const { loadConfig } = await import("../config/load.ts");
  const { createLog } = await import("../observe/log.ts");
  const { startGateway } = await import("../daemon.ts");
  const config = loadConfig({ file, env: process.env, cwd: process.cwd() });
  const log = createLog(config.log.level);
  const gateway = await startGateway(config, log);
  const reload = (): void => {
    try {
      void gateway.reload(loadConfig({ file, env: process.env, cwd: process.cwd() }));
    } catch (error) {
      log.error({ reason: (error as Error).message }, "the configuration cannot be read; what was in force stays so");
    }
  };
  process.on("SIGHUP", reload);
  const stopped = stopSignal();
  // Whoever reads that it is ready may send a signal in the next moment.
  const ready = readyLine(gateway.listeners, gateway.table.size);
  process.stdout.write(`${ready}\n`);
  tellServiceManager({ READY: "1", STATUS: ready });
  await stopped;
  await gateway.stop();
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
