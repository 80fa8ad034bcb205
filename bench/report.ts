import type { Duel, Run } from "./duel.ts";
import { ratios, type Spread, spreadOf, spreadText } from "./statistics.ts";

/** A row of results as it is kept. Times in microseconds of processor time per call, the ratio is first to second. */
export interface RowResult {
  readonly what: string;
  readonly servers: Readonly<Record<string, ServerResult>>;
  /** Calls per second of processor time, the last contestant's over the first one's. */
  readonly ratio: Spread | undefined;
  readonly half: HalfLoad | undefined;
}

interface ServerResult {
  readonly perCall: Spread;
  readonly user: number;
  readonly system: number;
  readonly perCpuSecond: number;
  readonly perSecond: number;
  /** The load generator was busier than the server, so that `perSecond` is not the server's limit. */
  readonly generatorBound: boolean;
  readonly residentMb: number;
  readonly loopDelayMs: number | undefined;
  /** What else took the server's core, as a share of it. */
  readonly others: number;
  readonly wrong: number;
  readonly firstWrong: string | undefined;
}

interface HalfLoadResult {
  /** CPU, in us. */
  readonly perCall: Spread;
  readonly p50: Spread;
  readonly p99: Spread;
  readonly loopDelayMs: number | undefined;
}

interface HalfLoad {
  readonly rate: number;
  readonly servers: Readonly<Record<string, HalfLoadResult>>;
  readonly p99Ratio: Spread | undefined;
}

export function resultOf({ row, names, most, half, halfRate }: Duel): RowResult {
  const servers = names.map((name, i) => [name, serverResult(most[i]!, [...most[i]!, ...(half[i] ?? [])])] as const);
  const halves = names.map((name, i) => {
    const runs = half[i] ?? [];
    const of = (pick: (run: Run) => number): Spread => spreadOf(runs.map(pick));
    return [
      name,
      runs.length === 0
        ? undefined
        : { perCall: of(perCall), p50: of((r) => r.p50), p99: of((r) => r.p99), loopDelayMs: late(runs) },
    ];
  });
  const paired = (runs: readonly (readonly Run[])[], pick: (run: Run) => number): Spread | undefined =>
    runs.length < 2 ? undefined : ratios(runs.at(-1)!.map(pick), runs[0]!.map(pick));
  return {
    what: row.what,
    servers: Object.fromEntries(servers),
    ratio: paired(most, (run) => 1 / perCall(run)),
    half:
      half.length === 0
        ? undefined
        : { rate: halfRate, servers: Object.fromEntries(halves), p99Ratio: paired(half, (run) => run.p99) },
  };
}

function serverResult(runs: readonly Run[], all: readonly Run[]): ServerResult {
  const median = (pick: (run: Run) => number): number => spreadOf(runs.map(pick)).median;
  const cpu = spreadOf(runs.map(perCall));
  return {
    perCall: cpu,
    user: median((run) => run.userPerCall),
    system: median((run) => run.systemPerCall),
    perCpuSecond: 1e6 / cpu.median,
    perSecond: median((run) => run.perSecond),
    generatorBound: median((run) => run.generatorBusy) > median((run) => run.perSecond * perCall(run)) / 1e6,
    residentMb: Math.max(...all.map((run) => run.residentMb)),
    loopDelayMs: late(runs),
    others: median((run) => run.others ?? 0),
    wrong: all.reduce((sum, run) => sum + run.wrong + run.lost, 0),
    firstWrong: all.find((run) => run.firstWrong !== undefined)?.firstWrong,
  };
}

function perCall(run: Run): number {
  return run.userPerCall + run.systemPerCall;
}

function late(runs: readonly Run[]): number | undefined {
  const delays = runs.map((run) => run.loopDelayMs).filter((delay) => delay !== undefined);
  return delays.length === 0 ? undefined : spreadOf(delays).median;
}

const HEAD = [
  "server",
  "us per call (user/system)",
  "calls per CPU-second",
  "calls/s at most",
  "MB at most",
  "loop late, p99 ms",
  "others on its core",
  "wrong",
];

/** For the terminal, and for Markdown. @param before the same row of an earlier run */
export function rowText(result: RowResult, before?: RowResult): string {
  const lines = [`\n${result.what}`, ...tableOf(HEAD, Object.entries(result.servers).map(serverCells))];
  const names = Object.keys(result.servers);
  if (result.ratio !== undefined) {
    const earlier = before?.ratio === undefined ? "" : `; baseline ${spreadText(before.ratio)}`;
    lines.push(`${names.at(-1)} to ${names[0]}, calls per CPU-second: ${spreadText(result.ratio)}${earlier}`);
  }
  const { half } = result;
  if (half !== undefined) {
    for (const [name, { perCall, p50, p99, loopDelayMs }] of Object.entries(half.servers)) {
      const loop = loopDelayMs === undefined ? "" : `, event loop late at p99 ${loopDelayMs.toFixed(1)} ms`;
      const delay = `p50 ${spreadText(p50)} ms, p99 ${spreadText(p99)} ms${loop}`;
      lines.push(`${name} at ${half.rate} calls/s: ${delay}, ${spreadText(perCall)} us per call`);
    }
    if (half.p99Ratio !== undefined) lines.push(`p99, ${names.at(-1)} to ${names[0]}: ${spreadText(half.p99Ratio)}`);
  }
  for (const [name, { wrong, firstWrong }] of Object.entries(result.servers)) {
    if (wrong > 0)
      lines.push(`NO FIGURE: ${name} had ${wrong} wrong or missing answers, first: ${firstWrong ?? "lost"}`);
  }
  return lines.join("\n");
}

function serverCells([name, server]: [string, ServerResult]): string[] {
  const { perCall, user, system, perCpuSecond, perSecond, generatorBound, residentMb, loopDelayMs, others, wrong } =
    server;
  return [
    name,
    `${spreadText(perCall, 1)} (${user.toFixed(1)}/${system.toFixed(1)})`,
    perCpuSecond.toFixed(0),
    `${generatorBound ? "over " : ""}${perSecond.toFixed(0)}`,
    residentMb.toFixed(0),
    loopDelayMs?.toFixed(1) ?? "",
    `${(others * 100).toFixed(0)} %`,
    String(wrong),
  ];
}

/** All rows in one table, the last contestant beside the first one. */
export function summary(rows: readonly RowResult[]): string[] {
  const [first = "", last = ""] = [Object.keys(rows[0]?.servers ?? {})[0], Object.keys(rows[0]?.servers ?? {}).at(-1)];
  const cpu = (server: ServerResult | undefined): string =>
    server === undefined
      ? ""
      : `${server.perCall.median.toFixed(1)} (${server.user.toFixed(1)}/${server.system.toFixed(1)})`;
  const most = (server: ServerResult | undefined): string =>
    server === undefined ? "" : `${server.generatorBound ? "over " : ""}${server.perSecond.toFixed(0)}`;
  const head = [
    ...["work", `${first}, us per call (user/system)`, `${last}, us per call`, "calls per CPU-second, ratio"],
    ...[`calls/s at most, ${first}`, last, `p99 at half load, ${first}`, `${last}, ms`],
  ];
  return tableOf(
    head,
    rows.map(({ what, servers, ratio, half }) => [
      ...[what, cpu(servers[first]), cpu(servers[last]), ratio === undefined ? "" : spreadText(ratio)],
      ...[most(servers[first]), most(servers[last])],
      ...[first, last].map((name) => half?.servers[name]?.p99.median.toFixed(1) ?? ""),
    ]),
  );
}

/** A table of Markdown, which reads well in a terminal too. */
export function tableOf(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column]!)).join(" | ")} |`;
  return [line(head), `|${widths.map((width) => "-".repeat(width + 2)).join("|")}|`, ...rows.map(line)];
}
