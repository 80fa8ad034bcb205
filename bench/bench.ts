import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Contestant, duel } from "./duel.ts";
import { machine, ownCores, revision } from "./machine.ts";
import { runMicro } from "./micro/micro.ts";
import { type BenchOptions, parseBenchOptions, USAGE } from "./options.ts";
import { type RowResult, resultOf, rowText, summary } from "./report.ts";
import { makeCertificate } from "./servers/certificate.ts";
import { kamailioVersion, startKamailio } from "./servers/kamailio.ts";
import { startWaypost } from "./servers/waypost.ts";
import { buildRevision } from "./worktree.ts";

/**
 * `npm run bench`: what each part of the core costs, then whole calls through `waypost serve` with Kamailio, or another
 * revision of Waypost, in turn with it.
 */

const ROOT = join(import.meta.dirname, "../..");
const BASELINE = join(ROOT, "bench/baseline.json");

/** A row as it is kept: what it says, and of what. */
interface Kept extends RowResult {
  readonly date: string;
  readonly revision: string;
  readonly rounds: number;
  readonly machine: ReturnType<typeof machine>;
}

async function run(options: BenchOptions): Promise<void> {
  if (options.micro) console.table(runMicro());
  if (options.rows.length === 0) return;
  const built = options.against === undefined ? undefined : buildRevision(options.against);
  const folder = mkdtempSync(join(tmpdir(), "waypost-bench-tls-"));
  try {
    await compare(options, contestants(options.against, built?.root), await makeCertificate(folder));
  } finally {
    rmSync(folder, { recursive: true });
    built?.remove();
  }
}

function contestants(against: string | undefined, otherRoot: string | undefined): Contestant[] {
  const ours: Contestant = { name: "Waypost", start: (setup) => startWaypost("Waypost", ROOT, setup) };
  if (against !== undefined && otherRoot !== undefined) {
    return [{ name: against, start: (setup) => startWaypost(against, otherRoot, setup) }, ours];
  }
  const version = kamailioVersion();
  if (version !== undefined) return [{ name: `Kamailio ${version}`, start: startKamailio }, ours];
  console.log(
    "Kamailio is not installed, so there is nothing to compare with (Debian: kamailio kamailio-tls-modules).",
  );
  return [ours];
}

async function compare(options: BenchOptions, all: Contestant[], tls: { cert: string; key: string }): Promise<void> {
  const cores = ownCores();
  const about = { revision: revision(), rounds: options.rounds, machine: machine() };
  const { node, cpu, cores: count, kernel, loadAverage } = about.machine;
  console.log(
    `Waypost ${about.revision}, Node ${node}, ${cpu} with ${count} cores, Linux ${kernel}, load average ${loadAverage}`,
  );
  if (cores.server === undefined)
    console.log("Server and load generator share the cores: there is no taskset, or one core.");
  const baseline = options.against === undefined ? read(BASELINE) : {};
  const kept: Record<string, Kept> = {};
  for (const row of options.rows) {
    const result = resultOf(await duel(row, all, { ...options, cores, tls }));
    kept[row.id] = { ...result, ...about, date: new Date().toISOString(), machine: machine() };
    console.log(rowText(result, baseline[row.id]));
  }
  if (all.length > 1) console.log(`\n${summary(Object.values(kept)).join("\n")}`);
  if (options.save !== undefined) {
    writeFileSync(options.save, `${JSON.stringify({ ...read(options.save), ...kept }, rounded, 2)}\n`);
  }
}

/** The rows that a file has; none where there is no such file. */
function read(file: string): Readonly<Record<string, Kept>> {
  return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : {};
}

function rounded(_key: string, value: unknown): unknown {
  return typeof value === "number" ? Number(value.toPrecision(4)) : value;
}

let options: BenchOptions | undefined;
try {
  options = parseBenchOptions(process.argv.slice(2));
} catch (error) {
  console.error(`${(error as Error).message}\n${USAGE}`);
  process.exitCode = 1;
}
if (options !== undefined) await run(options);
