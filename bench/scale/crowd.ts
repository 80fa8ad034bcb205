import { runLoad } from "../load/run.ts";
import type { LoadResult } from "../load/work.ts";
import { tableOf } from "../report.ts";
import type { RunningServer, StartServer } from "../servers/server.ts";
import { ratios, spreadOf, spreadText } from "../statistics.ts";
import { IdleClients, manyConnections } from "./idle-clients.ts";
import { type Stage, withServer } from "./stage.ts";

const ROUNDS = 5;
/** Calls per second at which their latency is looked at: as much as a busy office makes, and far below the limit. */
const RATE = 500;
const WANTED = { mode: "proxy", transport: "tls", rows: 1 } as const;

/** What one server did, without the crowd and with it. */
interface Runs {
  readonly most: LoadResult[];
  readonly latency: LoadResult[];
}

/** Proxied calls over 16 TLS connections while many others are open and idle; a server without those takes turns with it. */
export async function crowd(stage: Stage): Promise<string[]> {
  const lines: string[][] = [];
  for (const start of [stage.kamailio, stage.waypost])
    if (start !== undefined) lines.push(...(await duelOf(stage, start)));
  return tableOf(
    [
      ...["server", "idle", "us per call", "calls per CPU-second, of those without", "calls/s"],
      ...[`p50 / p99 at ${RATE} calls/s, ms`, "wrong", "not opened"],
    ],
    lines,
  );
}

async function duelOf(stage: Stage, start: StartServer): Promise<string[][]> {
  return withServer(stage, start, WANTED, (alone) =>
    withServer(stage, start, WANTED, async (crowded) => {
      const clients = new IdleClients();
      try {
        await clients.open("tls", crowded.setup.port, manyConnections(), stage.cores.generator);
        const runs = await rounds(stage, [alone, crowded]);
        return runs.map((own, i) => [
          ...[alone.name, i === 0 ? "0" : clients.opened.toLocaleString("en"), spreadText(spreadOf(cpu(own)), 1)],
          ...[spreadText(ratios(cpu(runs[0]!), cpu(own))), median(own.most, (run) => run.perSecond).toFixed(0)],
          `${median(own.latency, (run) => run.p50).toFixed(1)} / ${median(own.latency, (run) => run.p99).toFixed(1)}`,
          String([...own.most, ...own.latency].reduce((sum, run) => sum + run.wrong + run.lost, 0)),
          i === 0 ? "" : clients.failure,
        ]);
      } finally {
        clients.close();
      }
    }),
  );
}

async function rounds(stage: Stage, servers: readonly RunningServer[]): Promise<Runs[]> {
  const runs: Runs[] = servers.map(() => ({ most: [], latency: [] }));
  // The first round warms up.
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [i, { pid, setup }] of servers.entries()) {
      const { port, poolPort, tls } = setup;
      const way = { work: "proxy", transport: "tls", port, poolPort, connections: 16, endpoints: 1, pid } as const;
      const load = { ...way, ...tls, calls: 64, warmSeconds: 1.5 };
      const most = await runLoad({ ...load, seconds: 3 }, stage.cores.generator);
      const latency = await runLoad({ ...load, seconds: 2, rate: RATE }, stage.cores.generator);
      if (round === 0) continue;
      runs[i]!.most.push(most);
      runs[i]!.latency.push(latency);
    }
  }
  return runs;
}

function cpu({ most }: Runs): number[] {
  return most.map((run) => run.userPerCall + run.systemPerCall);
}

function median(runs: readonly LoadResult[], pick: (run: LoadResult) => number): number {
  return spreadOf(runs.map(pick)).median;
}
