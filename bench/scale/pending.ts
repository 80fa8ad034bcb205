import { setTimeout as pause } from "node:timers/promises";
import { runLoad } from "../load/run.ts";
import { tableOf } from "../report.ts";
import { type Stage, withServer } from "./stage.ts";

const CALLS = 20_000;

/** Proxied INVITEs over UDP that ring, all at once: the memory that each takes, by what is resident. */
export async function pending(stage: Stage): Promise<string[]> {
  const lines: string[][] = [];
  for (const start of [stage.kamailio, stage.waypost]) {
    if (start === undefined) continue;
    await withServer(stage, start, { mode: "proxy", transport: "udp", rows: 1 }, async ({ name, pid, setup }) => {
      const { port, poolPort } = setup;
      const load = { transport: "udp", port, poolPort, connections: 1, endpoints: 1, pid } as const;
      // So that what is only made once is there.
      const warm = { work: "proxy", calls: 16, warmSeconds: 0, seconds: 2 } as const;
      await runLoad({ ...load, ...warm }, stage.cores.generator);
      await pause(34_000);
      const hold = { work: "hold", calls: CALLS, warmSeconds: 0, seconds: 0 } as const;
      const result = await runLoad({ ...load, ...hold }, stage.cores.generator);
      const { residentMb, residentBeforeMb, done, wrong, lost } = result;
      const each = ((residentMb - residentBeforeMb) * 1024) / done;
      lines.push([
        name,
        String(done),
        residentBeforeMb.toFixed(0),
        residentMb.toFixed(0),
        each.toFixed(1),
        `${wrong + lost}`,
      ]);
    });
  }
  return tableOf(["server", "INVITEs pending", "MB before", "MB with them", "kB each", "wrong"], lines);
}
