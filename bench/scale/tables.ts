import { processMemory } from "../load/process-memory.ts";
import { runLoad } from "../load/run.ts";
import type { LoadResult } from "../load/work.ts";
import { tableOf } from "../report.ts";
import type { RunningServer } from "../servers/server.ts";
import { ratios, spreadOf, spreadText } from "../statistics.ts";
import { type Stage, withServer } from "./stage.ts";

const ROUNDS = 5;
const SIZES = [1, 1000, 100_000, 1_000_000];

/** Redirects with tables of several sizes, a row at random for each call; the gateways take turns. */
export async function tables(stage: Stage, sizes: readonly number[] = SIZES): Promise<string[]> {
  const running: RunningServer[] = [];
  const runs: LoadResult[][] = sizes.map(() => []);
  let serving: number[] = [];
  const startAll = async (from: number): Promise<void> => {
    const rows = sizes[from];
    if (rows === undefined) {
      await rounds(stage, running, runs);
      // After the supervisor comes the process that serves.
      serving = running.map(({ pid }) => processMemory(pid)[1]!.resident);
      return;
    }
    await withServer(stage, stage.waypost, { mode: "redirect", transport: "udp", rows }, async (server) => {
      running.push(server);
      await startAll(from + 1);
    });
  };
  await startAll(0);
  return tableOf(
    [
      "endpoints",
      "us per call",
      "calls per CPU-second",
      "of the figure with the first",
      "ready after, s",
      "serving process, MB",
      "wrong",
    ],
    sizes.map((rows, i) => {
      const cpu = runs[i]!.map(perCall);
      const first = runs[0]!.map(perCall);
      return [
        rows.toLocaleString("en"),
        spreadText(spreadOf(cpu), 1),
        (1e6 / spreadOf(cpu).median).toFixed(0),
        spreadText(ratios(first, cpu)),
        (running[i]!.startMs / 1000).toFixed(1),
        serving[i]!.toFixed(0),
        String(runs[i]!.reduce((sum, run) => sum + run.wrong + run.lost, 0)),
      ];
    }),
  );
}

async function rounds(stage: Stage, running: readonly RunningServer[], runs: LoadResult[][]): Promise<void> {
  // The first round warms up.
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [i, { pid, setup }] of running.entries()) {
      const { port, poolPort, rows } = setup;
      const load = { work: "redirect", transport: "udp", port, poolPort, calls: 64, connections: 1, pid } as const;
      const times = { warmSeconds: 1.5, seconds: 4 };
      const result = await runLoad({ ...load, ...times, endpoints: rows }, stage.cores.generator);
      if (round > 0) runs[i]!.push(result);
    }
  }
}

function perCall(run: LoadResult): number {
  return run.userPerCall + run.systemPerCall;
}
