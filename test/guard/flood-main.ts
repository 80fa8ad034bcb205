import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { flood } from "./flood.ts";

/** `npm run flood`: 20,000 packets/s from one source, 100 calls/s from another; then tables and memory have to be back. */
const folder = await mkdtemp(join(tmpdir(), "waypost-flood-"));
const configFile = join(folder, "waypost.yaml");
const plan = { folder, configFile, writeConfig: (text: string) => writeFile(configFile, text), limits: {} };
/** Of the heap: what the first calls compile and cache stays. */
const MOST_GROWTH_MIB = 16;
const heapMib = (): number => {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed / 1024 / 1024;
};
const shown = (mib: number): string => `${mib.toFixed(1)} MiB`;
const before = heapMib();
const result = await flood({ ...plan, seconds: 10, packetsPerSecond: 20_000, callsPerSecond: 100 });
const { engine, flooded, calls, answered, mostTransactions } = result;
const { limited, share } = engine.guard.counts;
process.stdout.write(
  `${flooded} packets flooded, ${limited} dropped unread; ${answered} of ${calls} calls answered; ` +
    `at most ${mostTransactions} transactions, share ${share.toFixed(2)}; heap ${shown(before)} before, ${shown(heapMib())} now\n`,
);
const deadline = performance.now() + 120_000;
const isBack = (): boolean => Object.values(engine.load).every((count) => count === 0);
while (!isBack() && performance.now() < deadline) await sleep(500);
const after = heapMib();
process.stdout.write(`tables ${JSON.stringify(engine.load)}; heap ${shown(after)}\n`);
await result.stop();
await rm(folder, { recursive: true });
process.exitCode = answered === calls && isBack() && after - before < MOST_GROWTH_MIB ? 0 : 1;
