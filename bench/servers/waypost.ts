import { spawn } from "node:child_process";
import { once } from "node:events";
import { createWriteStream, openSync, readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { end, onCore, type RunningServer, type ServerSetup } from "./server.ts";

/**
 * `waypost serve` with all of its processes, metrics and limits on, from a built copy of the repository.
 * @param root the folder that has dist/
 * @param workers how many processes serve
 */
export async function startWaypost(
  name: string,
  root: string,
  setup: ServerSetup,
  workers = 1,
): Promise<RunningServer> {
  const { folder, port } = setup;
  const adminPort = port + 1;
  await writeTable(setup);
  await writeFile(join(folder, "waypost.yaml"), JSON.stringify({ ...configOf(setup, adminPort), workers }));
  const log = join(folder, "log");
  const command = [join(root, "dist/src/cli/main.js"), "--config", join(folder, "waypost.yaml"), "serve"];
  const startedAt = performance.now();
  const child = spawn(...onCore(setup.core, process.execPath, command), {
    stdio: ["ignore", "pipe", openSync(log, "a")],
  });
  const ready = once(child.stdout!, "data").then(() => true);
  if (!(await Promise.race([ready, once(child, "exit").then(() => false)]))) {
    throw new Error(`${name} did not start: ${readFileSync(log, "latin1").slice(-2000)}`);
  }
  return {
    name,
    setup,
    pid: child.pid!,
    startMs: performance.now() - startedAt,
    loopDelayMs: () => loopDelay(adminPort),
    stop: () => end(child),
  };
}

function configOf({ transport, port, tls, logged }: ServerSetup, adminPort: number): object {
  const keys = transport === "tls" ? tls : {};
  return {
    listen: [{ transport, host: "127.0.0.1", port, ...keys }],
    ...(transport === "tls" && { tls: { verify: "none" } }),
    store: { kind: "file", path: "endpoints.json" },
    admin: { host: "127.0.0.1", port: adminPort },
    // One address makes all the calls of a bench, as many as there is time for. What is counted for each message and
    // connection stays so, with room; a gateway that is fully busy would hold such a source to fewer messages.
    limits: {
      messagesPerSecond: 1_000_000,
      maxTransactions: 2_000_000,
      overloadDelayMs: 0,
      connectionsPerSource: 100_000,
      maxConnections: 100_000,
    },
    log: { level: logged ? "info" : "warn" },
  };
}

async function writeTable({ folder, mode, transport, poolPort, rows }: ServerSetup): Promise<void> {
  const redirect = (user: string, i: number): object => ({
    sipAddress: `sip:${user}@contoso.com`,
    poolFqdn: `pool${i % 50}.contoso.com`,
    mode: "redirect",
  });
  const proxy = (user: string): object => ({
    sipAddress: `sip:${user}@contoso.com`,
    poolFqdn: "127.0.0.1",
    port: poolPort,
    transport,
    requestUri: "pool",
  });
  const out = createWriteStream(join(folder, "endpoints.json"));
  out.write('{"endpoints":[');
  for (let i = 0; i < rows; i++) {
    const row = mode === "redirect" ? redirect(`ocschat${i}`, i) : proxy(`ocschat${i}`);
    if (!out.write(`${i === 0 ? "" : ",\n"}${JSON.stringify(row)}`)) await once(out, "drain");
  }
  if (mode === "proxy") out.write(`,\n${JSON.stringify(redirect("moved0", 0))}`);
  out.end("]}");
  await once(out, "finish");
}

async function loopDelay(adminPort: number): Promise<number | undefined> {
  const response = await fetch(`http://127.0.0.1:${adminPort}/metrics`);
  const found = /waypost_event_loop_delay_seconds\{quantile="0.99"\} (\S+)/.exec(await response.text());
  return found === null ? undefined : Number(found[1]) * 1000;
}
