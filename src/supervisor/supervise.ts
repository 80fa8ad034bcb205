import type { Logger } from "pino";
import { tellServiceManager } from "../service-manager.ts";
import { Supervisor } from "./supervisor.ts";

/**
 * `waypost serve` in the process that people start, until a signal ends it. Gives the exit status.
 * @param createLog makes the log of the supervisor itself
 */
export async function supervise(createLog: (level: string) => Logger): Promise<number> {
  const supervisor = new Supervisor(createLog);
  let signals = 0;
  const stopped = new Promise<void>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      process.on(signal, () => {
        if (++signals > 1) {
          supervisor.kill();
          process.exit(1);
        }
        resolve();
      });
    }
  });
  process.on("SIGHUP", () => supervisor.reload());
  process.on("SIGUSR2", () => void supervisor.upgrade());
  const line = await Promise.race([supervisor.start(), stopped.then(() => "")]);
  if (line === undefined) {
    supervisor.kill();
    return 1;
  }
  if (line !== "") {
    process.stdout.write(`${line}\n`);
    tellServiceManager({ READY: "1", STATUS: line });
    await stopped;
  }
  await supervisor.stop();
  return 0;
}
