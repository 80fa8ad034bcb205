// Waypost as a server under test for an outside load generator, told what to be by the environment:
// SUT_MODE redirect|proxy, SUT_PORT, SUT_TRANSPORT udp|tcp, POOL_PORT, TABLE_N rows `ocschatI@contoso.com`.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadConfig } from "../src/config/load.ts";
import { startGateway } from "../src/daemon.ts";
import { createLog } from "../src/observe/log.ts";

const {
  SUT_MODE = "redirect",
  SUT_PORT = "5060",
  SUT_TRANSPORT = "udp",
  POOL_PORT = "5090",
  TABLE_N = "1",
} = process.env;
const proxying = SUT_MODE === "proxy";
const pool = (i: number) =>
  proxying
    ? { poolFqdn: "127.0.0.1", port: Number(POOL_PORT), transport: SUT_TRANSPORT, requestUri: "pool" }
    : { poolFqdn: `pool${i % 50}.contoso.com`, mode: "redirect" };
const endpoints = Array.from({ length: Number(TABLE_N) }, (_, i) => ({
  sipAddress: `sip:ocschat${i}@contoso.com`,
  ...pool(i),
}));

// As in servers/waypost.ts.
const limits = {
  messagesPerSecond: 1_000_000,
  maxTransactions: 2_000_000,
  overloadDelayMs: 0,
  connectionsPerSource: 100_000,
  maxConnections: 100_000,
};
const folder = mkdtempSync(join(tmpdir(), "waypost-bench-"));
const listener = { transport: SUT_TRANSPORT, host: "127.0.0.1", port: Number(SUT_PORT) };
writeFileSync(join(folder, "endpoints.json"), JSON.stringify({ endpoints }));
writeFileSync(
  join(folder, "waypost.yaml"),
  JSON.stringify({
    listen: [listener],
    store: { kind: "file", path: "endpoints.json" },
    limits,
    log: { level: "warn" },
  }),
);
const config = loadConfig({ file: join(folder, "waypost.yaml"), env: {}, cwd: folder });
const gateway = await startGateway(config, createLog(config.log.level));
process.stdout.write("ready\n");
process.once("SIGTERM", async () => {
  await gateway.stop();
  rmSync(folder, { recursive: true, force: true });
});
