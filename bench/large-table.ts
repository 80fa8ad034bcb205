/**
 * What a large table costs: time to load, memory for a row, time to put a change in force, and the longest time that
 * the serving thread could not take a call meanwhile.
 *
 *   node --expose-gc dist/bench/large-table.js [rows] [redis://…]
 *
 * Without a URL the table is a file, else it is in that Redis (the keys `{waypost-bench}:*`, which it overwrites).
 */
import { execFile } from "node:child_process";
import { once } from "node:events";
import { createWriteStream, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { pino } from "pino";
import type { RedisStoreConfig } from "../src/config/config.ts";
import { storeSchema, toStoreConfig } from "../src/config/store.ts";
import { RedisStore } from "../src/endpoints/redis/redis-store.ts";
import { makeRow } from "../src/endpoints/row-schema.ts";
import type { Actor } from "../src/endpoints/store.ts";
import { EndpointTable } from "../src/endpoints/table.ts";
import { tableText } from "../src/endpoints/table-text.ts";
import { decide } from "../src/routing/route.ts";
import { SeparateStore } from "../src/separate-store.ts";
import { TableInForce } from "../src/table-in-force.ts";

const rows = Number(process.argv[2] ?? 1_000_000);
const url = process.argv[3];
const actor: Actor = { name: "bench", source: "cli" };
const folder = mkdtempSync(join(tmpdir(), "waypost-bench-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));

const path = join(folder, "endpoints.json");
const settings =
  url === undefined ? { path } : { kind: "redis", url, prefix: "waypost-bench", copy: join(folder, "copy") };
const store = toStoreConfig(storeSchema.parse(settings), (each) => each);
const separate = new SeparateStore({
  store,
  listen: [{ transport: "udp", host: "127.0.0.1", port: 0 }],
  resolve: { hosts: new Map(), servers: [] },
  engine: "embedded",
});

function address(index: number): string {
  return `sip:room${String(index).padStart(7, "0")}@contoso.com`;
}

function pool(index: number): string {
  return `pcpool${index % 100}.contoso.com`;
}

async function fill(): Promise<void> {
  if (url === undefined) {
    const at = new Date().toISOString();
    const out = createWriteStream(path);
    const all = function* () {
      for (let i = 0; i < rows; i++) {
        const given = { sipAddress: address(i), poolFqdn: pool(i), mode: "proxy", redirectStatus: 302 } as const;
        const rest = { transport: "auto", requestUri: "keep", enabled: true } as const;
        const kept = { version: 1, createdAt: at, createdBy: "bench", updatedAt: at, updatedBy: "bench" };
        yield makeRow({ ...given, ...rest }, kept);
      }
    };
    for (const piece of tableText(1, all())) {
      if (!out.write(piece)) await once(out, "drain");
    }
    out.end();
    await once(out, "finish");
    return;
  }
  const filler = new RedisStore({ access: (store as RedisStoreConfig).access });
  const { endpoints } = await filler.load();
  for (let from = endpoints.length; from < rows; from += 20_000) {
    const some = Array.from({ length: Math.min(20_000, rows - from) }, (_, i) => from + i);
    await filler.change(
      some.map((i) => ({ kind: "add", endpoint: { sipAddress: address(i), poolFqdn: pool(i) } })),
      actor,
    );
  }
  await filler.close();
}

/**
 * The processor time that this thread has had, in milliseconds. What lies between two turns of the event loop is what
 * held it up, whatever else keeps this machine busy.
 */
function threadMs(): number {
  return Number(readFileSync("/proc/thread-self/schedstat", "latin1").split(" ", 1)[0]) / 1e6;
}

/** Does some work while calls are decided, and tells the longest time that nothing else could happen. */
async function whileServing<T>(what: string, work: () => Promise<T>): Promise<T> {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  let calls = 0;
  let serving = true;
  let longest = 0;
  let last = threadMs();
  const serve = (): void => {
    const now = threadMs();
    longest = Math.max(longest, now - last);
    last = now;
    for (let i = 0; i < 5; i++) {
      const requestUri = address(Math.floor(Math.random() * rows));
      const decision = decide({ method: "INVITE", requestUri } as Parameters<typeof decide>[0], table, {
        defaultRoute: "reject",
      });
      if (decision.kind !== "proxy") throw new Error(`${requestUri} was answered with ${JSON.stringify(decision)}`);
      calls++;
    }
    if (serving) setTimeout(serve, 1);
  };
  serve();
  await sleep(100);
  delay.enable();
  longest = 0;
  const start = performance.now();
  const result = await work();
  const took = performance.now() - start;
  await sleep(200);
  delay.disable();
  serving = false;
  const ms = (nanoseconds: number) => (nanoseconds / 1e6 - 1).toFixed(1);
  console.log(
    `${what}: ${took.toFixed(1)} ms; ${calls} calls decided; longest work without a pause ${longest.toFixed(1)} ms; event loop late by at most ${ms(delay.max)} ms, p99.9 ${ms(delay.percentile(99.9))} ms`,
  );
  return result;
}

const table = new EndpointTable();
console.log(`${rows} rows in ${url ?? "a file"}; Node ${process.version}`);
await fill();
globalThis.gc?.();
const before = process.memoryUsage();
const start = performance.now();
const inForce = new TableInForce(table, separate, pino({ level: "silent" }));
await inForce.load();
console.log(`load: ${((performance.now() - start) / 1000).toFixed(1)} s until in force`);
globalThis.gc?.();
const after = process.memoryUsage();
const used = (usage: NodeJS.MemoryUsage) => usage.heapUsed + usage.external;
console.log(`memory: ${Math.round((used(after) - used(before)) / rows)} bytes for a row`);
console.log(`memory: ${Math.round(after.rss / 2 ** 20)} MiB resident for the whole process, this process alone`);

inForce.announce(
  "bench",
  () => undefined,
  () => ({}),
);
await sleep(3000);
await whileServing("nothing but calls, 5 s", () => sleep(5000));

await whileServing("1,000 changes of one row, put in force in the table alone", async () => {
  const times: number[] = [];
  for (let i = 0; i < 1000; i++) {
    const before = table.find(address(i).slice(4))!;
    const started = performance.now();
    table.apply([{ before, after: { ...before } }], table.revision);
    times.push(performance.now() - started);
    await new Promise((resolve) => setImmediate(resolve));
  }
  times.sort((a, b) => a - b);
  console.log(`  each: median ${times[500]!.toFixed(3)} ms, p99 ${times[990]!.toFixed(3)} ms`);
});

const changes = url === undefined ? 3 : 300;
await whileServing(`${changes} changes of one row through the store, until in force`, async () => {
  const times: number[] = [];
  for (let i = 0; i < changes; i++) {
    const started = performance.now();
    const fields = { poolFqdn: `new${i}.contoso.com` };
    await separate.change([{ kind: "set", sipAddress: address(i), fields }], actor);
    times.push(performance.now() - started);
    if (table.find(address(i).slice(4))?.poolFqdn !== fields.poolFqdn) throw new Error("not in force");
  }
  times.sort((a, b) => a - b);
  const at = (share: number) => times[Math.floor(share * (times.length - 1))]!.toFixed(1);
  console.log(`  each: median ${at(0.5)} ms, p99 ${at(0.99)} ms`);
});

await whileServing("one row added through the store", () =>
  separate.change([{ kind: "add", endpoint: { sipAddress: "one.more@contoso.com", poolFqdn: pool(1) } }], actor),
);

if (url === undefined) {
  await whileServing(`an edit by hand of ${Math.ceil(rows / 100)} rows, until in force`, async () => {
    const from = table.revision;
    // In a process of its own, as a person's editor is.
    await promisify(execFile)("sed", ["-i", "s/pcpool7.contoso.com/moved.contoso.com/", path]);
    while (table.revision === from) await sleep(10);
  });
}

await inForce.stop();
await separate.close();
