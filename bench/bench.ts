import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { LoadOptions, LoadResult } from "./load/work.ts";
import { runMicro } from "./micro/micro.ts";

/** `npm run bench`: what each part of the core costs, then whole calls through a gateway in a process of its own. */

const SECONDS = 4;
const WARM_SECONDS = 4;
let port = 25_060;

async function whole(work: "redirect" | "proxy" | "subscribe", transport: "udp" | "tcp"): Promise<LoadResult> {
  port += 2;
  const env = { SUT_MODE: work === "redirect" ? "redirect" : "proxy", SUT_PORT: `${port}`, SUT_TRANSPORT: transport };
  const gateway = spawn(process.execPath, [join(import.meta.dirname, "sut.js")], {
    env: { ...process.env, ...env, POOL_PORT: `${port + 1}` },
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    await once(gateway.stdout, "data");
    const options: LoadOptions = {
      work,
      transport,
      port,
      poolPort: port + 1,
      calls: 32,
      connections: transport === "udp" ? 1 : 16,
      warmSeconds: WARM_SECONDS,
      seconds: SECONDS,
      endpoints: 1,
      pid: gateway.pid!,
    };
    const load = spawn(process.execPath, [join(import.meta.dirname, "load/generator.js"), JSON.stringify(options)], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let text = "";
    load.stdout.on("data", (chunk: Buffer) => (text += chunk.toString()));
    await once(load, "close");
    return JSON.parse(text) as LoadResult;
  } finally {
    gateway.kill("SIGTERM");
  }
}

console.table(runMicro());
const rows: Record<string, object> = {};
for (const [work, transport] of [
  ["redirect", "udp"],
  ["proxy", "udp"],
  ["proxy", "tcp"],
  ["subscribe", "udp"],
] as const) {
  const { userPerCall, systemPerCall, perSecond, p50, p99, wrong, lost, firstWrong } = await whole(work, transport);
  rows[`${work} over ${transport}`] = {
    "us per call": Math.round(userPerCall + systemPerCall),
    user: Math.round(userPerCall),
    system: Math.round(systemPerCall),
    "calls/s": Math.round(perSecond),
    "p50 ms": p50.toFixed(1),
    "p99 ms": p99.toFixed(1),
    wrong,
    lost,
    "first wrong": firstWrong ?? "",
  };
}
console.table(rows);
