import { join } from "node:path";
import { parseArgs } from "node:util";
import { duel } from "./duel.ts";
import { machine, revision } from "./machine.ts";
import { tableOf } from "./report.ts";
import { ROWS, type Row } from "./rows.ts";
import { startWaypost } from "./servers/waypost.ts";
import { ratios, spreadOf, spreadText } from "./statistics.ts";

/**
 * `npm run bench:workers`: the same load through one gateway with 1, 2 and 4 workers, in turn and in the same minutes.
 * Nothing is bound to a core: load generator and workers share all there are.
 */

const ROOT = join(import.meta.dirname, "../..");
/** In flight at the same time: enough that no process waits for another one to have something to do. */
const CALLS = 400;
const USAGE = `npm run bench:workers -- [options]
  --workers 1,2,4    how many, the first is what the others are compared with
  --only a,b         of ${ROWS.map(({ id }) => id).join(", ")} (proxy-udp,proxy-tcp)
  --rounds N         measured rounds (5); each is 32 s long`;

interface Options {
  readonly workers: readonly number[];
  readonly rows: readonly Row[];
  readonly rounds: number;
}

function parse(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      workers: { type: "string", default: "1,2,4" },
      only: { type: "string", default: "proxy-udp,proxy-tcp" },
      rounds: { type: "string", default: "5" },
    },
  });
  const workers = values.workers.split(",").map(Number);
  const rounds = Number(values.rounds);
  const rows = values.only.split(",").map((id) => ROWS.find((row) => row.id === id));
  const isCount = (value: number): boolean => Number.isInteger(value) && value > 0;
  if (!workers.every(isCount) || !isCount(rounds) || rows.includes(undefined)) throw new Error(USAGE);
  return { workers, rounds, rows: (rows as Row[]).map((row) => ({ ...row, calls: CALLS })) };
}

/** @returns how many answers were wrong or missing */
async function compare(row: Row, { workers, rounds }: Options): Promise<number> {
  const contestants = workers.map((count) => {
    const name = `${count} ${count === 1 ? "worker" : "workers"}`;
    return { name, start: (setup: Parameters<typeof startWaypost>[2]) => startWaypost(name, ROOT, setup, count) };
  });
  const cores = { server: undefined, generator: undefined };
  const tls = { cert: "", key: "" };
  const { most, names } = await duel(row, contestants, { rounds, latency: false, cores, tls });
  const perSecond = most.map((runs) => runs.map((run) => run.perSecond));
  const cells = most.map((runs, i) => [
    names[i]!,
    spreadText(spreadOf(perSecond[i]!), 0),
    i === 0 ? "" : spreadText(ratios(perSecond[i]!, perSecond[0]!)),
    spreadText(spreadOf(runs.map((run) => run.userPerCall + run.systemPerCall)), 0),
    spreadText(spreadOf(runs.map((run) => run.p99)), 1),
    spreadOf(runs.map((run) => run.generatorBusy)).median.toFixed(2),
    Math.max(...runs.map((run) => run.residentMb)).toFixed(0),
    String(runs.reduce((sum, run) => sum + run.wrong + run.lost, 0)),
  ]);
  const head = ["", "calls/s", "to the first", "us per call", "p99 ms", "generator, cores", "MB", "wrong"];
  console.log([`\n${row.what}`, ...tableOf(head, cells)].join("\n"));
  const faulty = most.flat().filter((run) => run.wrong + run.lost > 0);
  for (const run of faulty) console.log(`${run.wrong} wrong, ${run.lost} lost; first: ${run.firstWrong ?? "lost"}`);
  return faulty.length;
}

const options = parse(process.argv.slice(2));
const { cores, cpu, node, loadAverage } = machine();
console.log(`Waypost ${revision()}, Node ${node}, ${cpu} with ${cores} cores, load average ${loadAverage}`);
for (const row of options.rows) if ((await compare(row, options)) > 0) process.exitCode = 1;
