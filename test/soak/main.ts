import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { DnsServer } from "../support/dns-server.ts";
import { freePort } from "../support/free-port.ts";
import { type Closing, GatewayProcess, type Row, tableText } from "../support/gateway.ts";
import { SimRandom } from "../support/sim-random.ts";
import { SoakCaller } from "./caller.ts";
import { memoryFigures, Tables } from "./gateway-figures.ts";
import { type PoolManner, SoakPool } from "./pools.ts";
import type { MemoryFigures } from "./probe.ts";
import { Traffic } from "./traffic.ts";

/**
 * `npm run soak`, with `-- --minutes 20` for another time and `--rate 50` for another load: a gateway in processes of
 * its own under mixed load on loopback. After a while of it, in the middle and at the end the load rests until every
 * table is empty, and memory is looked at. Exit status 1 when a table is not empty, memory grows or something is wrong.
 */
const { values } = parseArgs({
  options: { minutes: { type: "string" }, rate: { type: "string" }, seed: { type: "string" } },
});
const minutes = Number(values.minutes ?? 1);
const rate = Number(values.rate ?? 80);
const seed = Number(values.seed ?? Date.now() % 1_000_000);
/** Shares of the time before each rest: what comes before the first one warms up. */
const SHARES = [0.2, 0.4, 0.4];
/** Timer C, then as long as the repetitions of a failure, and bans. */
const REST_MS = 120_000;
/** Between the first rest and the last; what is compiled and cached late has to fit in. Bytes. */
const MOST_GROWTH: Readonly<Record<"heap" | "resident", number>> = { heap: 4 * 2 ** 20, resident: 32 * 2 ** 20 };
const TABLE_EVERY_MS = 2000;
const DNS_EVERY_MS = 3000;
const RELOAD_EVERY_MS = 15_000;

const undo: (() => unknown)[] = [];
let isUndone = false;
/** Whatever happens, the gateway ends with this process. */
async function undoAll(): Promise<void> {
  if (isUndone) return;
  isUndone = true;
  for (const action of undo) await Promise.resolve(action()).catch((error: Error) => say(error.message));
}
for (const event of ["uncaughtException", "unhandledRejection", "SIGINT", "SIGTERM"] as const) {
  process.on(event, async (why: unknown) => {
    say(`soak: ended early: ${why instanceof Error ? why.stack : event}`);
    await undoAll();
    process.exit(1);
  });
}
const closing: Closing = { teardown: (action) => void undo.unshift(action) };
const random = new SimRandom(seed);

/** What a rest has shown. */
interface Rest {
  readonly tables: Tables;
  readonly memory: readonly MemoryFigures[];
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

const probes = await mkdtemp(join(tmpdir(), "waypost-soak-"));
closing.teardown(() => rm(probes, { recursive: true, force: true }));
process.env["SOAK_PROBES"] = probes;
process.env["NODE_OPTIONS"] = `--import ${new URL("./probe.js", import.meta.url).href}`;

const MANNERS: readonly PoolManner[] = ["willing", "ringing", "hanging", "torn", "odd"];
const pools = await Promise.all(MANNERS.map((manner, i) => SoakPool.start(closing, `127.0.0.${21 + i}`, manner)));
const at = (manner: PoolManner, transport: "udp" | "tcp"): string =>
  pools[MANNERS.indexOf(manner)]!.node.target(transport);
const dns = await DnsServer.start();
closing.teardown(() => dns.close());
const [dead, adminPort] = [await freePort(), await freePort()];

const row = (user: string, pool: string, more: object = {}): Row => ({
  sipAddress: `sip:${user}@contoso.com`,
  poolFqdn: `${pool}.contoso.com`,
  ...more,
});
const ROWS = [
  row("udp", "udp"),
  row("tcp", "tcp"),
  row("moved", "udp", { mode: "redirect" }),
  row("ringing", "ringing"),
  row("hanging", "hanging"),
  row("torn", "torn"),
  row("odd", "odd"),
  row("failover", "failover"),
  row("dns", "dns", { transport: "udp" }),
];
const CHANGING = [
  row("changing", "tcp"),
  row("changing", "udp", { mode: "redirect" }),
  row("changing", "udp", { enabled: false }),
  row("changing", "udp"),
];

const gateway = await GatewayProcess.start(closing, {
  endpoints: [...ROWS, CHANGING[0]!],
  logLevel: "warn",
  timers: { ringingMs: 10_000, firstResponseMs: 2000 },
  settings: {
    admin: { port: adminPort },
    resolve: {
      servers: [`127.0.0.1:${dns.port}`],
      hosts: {
        "udp.contoso.com": [at("willing", "udp")],
        "tcp.contoso.com": [at("willing", "tcp")],
        "ringing.contoso.com": [at("ringing", "udp")],
        "hanging.contoso.com": [at("hanging", "tcp"), at("hanging", "udp")],
        "torn.contoso.com": [at("torn", "tcp"), at("torn", "udp")],
        "odd.contoso.com": [at("odd", "udp")],
        "failover.contoso.com": [`tcp:127.0.0.29:${dead}`, at("willing", "udp")],
      },
    },
    listen: ["udp", "tcp"].map((transport) => ({
      transport,
      host: "127.0.0.1",
      port: 0,
      trusted: ["127.0.0.11", "127.0.0.12", "127.0.0.13"],
      untrusted: "endpoints",
    })),
    limits: { banSeconds: 5, idleSeconds: 30, messageSeconds: 5 },
  },
});
const admin = `http://127.0.0.1:${adminPort}`;
const [udp, tcp] = [gateway.listener("udp"), gateway.listener("tcp")];
const callers = await Promise.all([11, 12, 13].map((n) => SoakCaller.start(closing, `127.0.0.${n}`)));
const vanishing = await SoakCaller.start(closing, "127.0.0.14");
const strangers = Array.from({ length: 40 }, (_, n) => `127.0.1.${n + 1}`);
const traffic = new Traffic({ udp, tcp, callers, pools, vanishing, strangers }, seed);

/** What DNS says of the pool of one row: the truth, nothing, not in time, or ourselves. */
function lie(): void {
  const port = Number(/\d+$/.exec(at("willing", "udp"))![0]);
  const service = { ttl: 1, srv: [`0 0 ${port} host.dns.contoso.com`] };
  const host = { ttl: 1, a: ["127.0.0.21"] };
  const [servicesSaid, hostSaid] = random.pick([
    [service, host],
    [service, host],
    [service, { ttl: 1, a: ["127.0.0.99"] }],
    [
      { ...service, srv: [`0 0 ${udp.port} host.dns.contoso.com`] },
      { ttl: 1, a: ["127.0.0.1"] },
    ],
    [{ ttl: 1, srv: [] }, host],
    [{ ...service, fault: "silence" as const }, host],
    [service, { ...host, fault: "servfail" as const }],
    [service, { ttl: 1, cname: "host.dns.contoso.com" }],
  ]);
  dns.entries.set("_sip._udp.dns.contoso.com", servicesSaid);
  dns.entries.set("host.dns.contoso.com", hostSaid);
}

/** Edits the table as a person with an editor that writes a new file and puts it in the place of the old one. */
async function changeTable(): Promise<void> {
  const rows = [
    ...ROWS,
    random.pick(CHANGING),
    ...Array.from({ length: random.int(0, 3) }, (_, n) => row(`new${n}`, "udp")),
  ];
  const text = tableText(rows);
  const torn = random.chance(0.1) ? text.slice(0, random.int(1, text.length - 2)) : text;
  await writeFile(`${gateway.tableFile}.new`, torn);
  await rename(`${gateway.tableFile}.new`, gateway.tableFile);
}

/** One change after the other, also on a machine that is slow with files. */
let changing: Promise<void> = Promise.resolve();

/** Load for so long, with everything that changes under it. */
async function load(seconds: number): Promise<void> {
  const changes = [
    setInterval(lie, DNS_EVERY_MS),
    setInterval(() => {
      changing = changing.then(changeTable);
    }, TABLE_EVERY_MS),
    setInterval(() => gateway.kill("SIGHUP"), RELOAD_EVERY_MS),
  ];
  try {
    await traffic.run(rate, seconds);
  } finally {
    for (const change of changes) clearInterval(change);
    await changing;
  }
}

/** Nothing more is asked for, until every table is empty or that takes too long. */
async function rest(): Promise<Rest> {
  for (const one of [...callers, vanishing, ...pools]) one.rest();
  const end = performance.now() + REST_MS;
  let tables = await Tables.of(admin);
  while (tables.left.length > 0 && performance.now() < end) {
    await sleep(1000);
    // A pool sends what it has still to say late, and connections may come anew.
    for (const one of [...callers, vanishing, ...pools]) one.rest();
    tables = await Tables.of(admin);
  }
  const memory = await memoryFigures(probes);
  const shown = memory.map(({ role, heapUsed, external, resident }) => {
    return `${role} heap ${mib(heapUsed)} + ${mib(external)} outside, resident ${mib(resident)}`;
  });
  say(`at rest: ${shown.join("; ")}`);
  return { tables, memory };
}

function mib(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}

/**
 * What is wrong with how memory went, in words: from the first rest to the last, and for a store that moved into a
 * process of its own meanwhile, since its history grew, from the first rest at which it was there.
 */
function growth(rests: readonly Rest[]): string[] {
  const seen = rests.flatMap(({ memory }) => memory);
  return rests.at(-1)!.memory.flatMap(({ role, pid, heapUsed, external, resident }) => {
    const before = seen.find((one) => one.role === role)!;
    if (before.pid !== pid) return [`the ${role} is another process than before`];
    const heap = heapUsed + external - before.heapUsed - before.external;
    return [
      ...(heap > MOST_GROWTH.heap ? [`the heap of the ${role} grew by ${mib(heap)}`] : []),
      ...(resident - before.resident > MOST_GROWTH.resident
        ? [`the resident set of the ${role} grew by ${mib(resident - before.resident)}`]
        : []),
    ];
  });
}

say(
  `soak: seed ${seed}, ${minutes} min of load at ${rate}/s, Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model}`,
);
lie();
const rests: Rest[] = [];
for (const share of SHARES) {
  await load(minutes * 60 * share);
  rests.push(await rest());
}
for (const [kind, { begun, done, refused, wrong }] of traffic.counts) {
  say(`${kind}: ${begun}, as it should be ${done}, refused under load ${refused}, wrong ${wrong}`);
}
for (const complaint of traffic.complaints) say(`wrong: ${complaint}`);
const faults = new Map<string, number>();
for (const { level, msg } of gateway.log) if (level >= 50) faults.set(msg, (faults.get(msg) ?? 0) + 1);
for (const [msg, count] of faults) say(`error in the log, ${count} times: ${msg}`);
const stopped = await gateway.stop().catch((error: Error) => error.message);
await undoAll();
const last = rests.at(-1)!;
const counts = [...traffic.counts.values()];
const sum = (of: (count: (typeof counts)[number]) => number): number =>
  counts.reduce((total, one) => total + of(one), 0);
const faultsFound = [
  ...rests.flatMap(({ tables }) => tables.left),
  ...growth(rests),
  ...(sum(({ wrong }) => wrong) > 0 ? [`${sum(({ wrong }) => wrong)} transactions went wrong`] : []),
  ...(typeof stopped === "string" ? [stopped] : []),
];
const heaps = rests.map(({ memory }) => memory.find(({ role }) => role === "gateway")!);
const remembered = last.tables.remembered.map(({ name, entries, bound }) => `${name} ${entries} of ${bound}`);
say(
  [
    `soak: ${sum(({ begun }) => begun)} begun, ${sum(({ refused }) => refused)} refused under load`,
    `tables ${last.tables.left.length === 0 ? "all 0" : last.tables.left.join(", ")} (${remembered.join(", ")})`,
    `heap ${heaps.map(({ heapUsed }) => mib(heapUsed)).join(" -> ")}`,
    `resident ${heaps.map(({ resident }) => mib(resident)).join(" -> ")}`,
    faultsFound.length === 0 ? "memory flat: passed" : `FAILED: ${faultsFound.join("; ")}`,
  ].join("; "),
);
process.exit(faultsFound.length === 0 ? 0 : 1);
