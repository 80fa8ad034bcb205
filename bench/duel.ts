import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { freePort } from "../test/support/free-port.ts";
import { runLoad } from "./load/run.ts";
import type { LoadResult } from "./load/work.ts";
import type { Cores } from "./machine.ts";
import type { Row } from "./rows.ts";
import { logTail, type RunningServer, type StartServer } from "./servers/server.ts";

/** A contestant of a row. */
export interface Contestant {
  readonly name: string;
  readonly start: StartServer;
}

/** What one contestant did in one round. */
export interface Run extends LoadResult {
  /** The event loop's delay at p99 in milliseconds, of servers that have one. */
  readonly loopDelayMs: number | undefined;
}

/** The runs of a row, by contestant and in the order of the rounds. */
export interface Duel {
  readonly row: Row;
  readonly names: readonly string[];
  /** As many calls as there is time for, `row.calls` at once. */
  readonly most: readonly (readonly Run[])[];
  /** At half of what the slower one can take; empty where that was not wanted. */
  readonly half: readonly (readonly Run[])[];
  /** Calls per second of `half`. */
  readonly halfRate: number;
}

/**
 * What a call leaves behind runs out after 32 s (Timers H, J and L), and that costs something too. So the servers take
 * turns at such a pace that it falls into a later turn of the same server: 32 s are a whole number of rounds.
 */
const LASTING_SECONDS = 32;
const TURN_SECONDS = 8;
const WARM_ROUNDS = 2;
const WARM_SECONDS = 2;
/** Of a turn, for starting the generator and for the last calls to end. */
const SPARE_SECONDS = 1.5;
const LATENCY_SECONDS = 3;
/** So many for each round of the other kind: a p99 of 3 s is at the mercy of whatever else the machine does. */
const LATENCY_ROUNDS = 3;

/**
 * Lets servers do the same work in turn, each on its own and all in the same minutes. All are alive all the time.
 * @throws Error when one does not start
 */
export async function duel(
  row: Row,
  contestants: readonly Contestant[],
  options: { rounds: number; latency: boolean; cores: Cores; tls: { cert: string; key: string } },
): Promise<Duel> {
  const folder = await mkdtemp(join(tmpdir(), "waypost-bench-"));
  const servers: RunningServer[] = [];
  try {
    for (const [i, { start }] of contestants.entries()) {
      const port = await freePort(3);
      const own = await mkdtemp(join(folder, `${i}-`));
      const mode = row.work === "redirect" ? "redirect" : "proxy";
      const { transport, logged } = row;
      const core = options.cores.server;
      const setup = { mode, transport, port, poolPort: port + 2, rows: 1, tls: options.tls, logged, folder: own, core };
      servers.push(await start(setup as Parameters<StartServer>[0]));
    }
    const most = await mostCalls(row, servers, options);
    const halfRate = Math.floor(Math.min(...most.map((runs) => Math.min(...runs.map((run) => run.perSecond)))) / 2);
    const half = options.latency && row.latency ? await halfLoad(row, servers, options, halfRate) : [];
    return { row, names: contestants.map(({ name }) => name), most, half, halfRate };
  } finally {
    await Promise.all(servers.map((server) => server.stop()));
    await rm(folder, { recursive: true, force: true });
  }
}

type RunOptions = Parameters<typeof duel>[2];

async function mostCalls(row: Row, servers: readonly RunningServer[], options: RunOptions): Promise<Run[][]> {
  const turnsEach = Math.max(1, Math.round(LASTING_SECONDS / servers.length / TURN_SECONDS));
  const turn = LASTING_SECONDS / servers.length / turnsEach;
  const seconds = turn - WARM_SECONDS - SPARE_SECONDS;
  const runs: Run[][] = servers.map(() => []);
  let due = performance.now();
  for (let round = -WARM_ROUNDS; round < options.rounds; round++) {
    for (const [i, server] of servers.entries()) {
      await pause(Math.max(0, due - performance.now()));
      due = Math.max(due, performance.now() - 200) + turn * 1000;
      const result = await oneRun(row, server, options, { warmSeconds: WARM_SECONDS, seconds });
      if (round >= 0) runs[i]!.push(result);
    }
  }
  return runs;
}

async function halfLoad(
  row: Row,
  servers: readonly RunningServer[],
  options: RunOptions,
  rate: number,
): Promise<Run[][]> {
  const runs: Run[][] = servers.map(() => []);
  for (let round = 0; round < LATENCY_ROUNDS * options.rounds; round++) {
    for (const [i, server] of servers.entries()) {
      runs[i]!.push(await oneRun(row, server, options, { warmSeconds: 1, seconds: LATENCY_SECONDS, rate }));
    }
  }
  return runs;
}

async function oneRun(
  row: Row,
  server: RunningServer,
  { cores, tls }: RunOptions,
  times: { warmSeconds: number; seconds: number; rate?: number },
): Promise<Run> {
  const { work, transport, calls } = row;
  const { port, poolPort, rows } = server.setup;
  const connections = transport === "udp" ? 1 : 16;
  await server.loopDelayMs();
  const from = { pid: server.pid, serverCore: cores.server };
  const load = { work, transport, port, poolPort, calls, connections, endpoints: rows, ...from, ...tls };
  const result = await runLoad({ ...load, ...times }, cores.generator);
  if (result.wrong + result.lost > 0) console.error(`${server.name}, its log: ${logTail(server.setup)}`);
  return { ...result, loopDelayMs: await server.loopDelayMs() };
}
