import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * `waypost demo`: a sample legacy client calls a sample pool through a gateway of its own on free loopback ports.
 * Shows every message. Gives the exit status: 1 when a step failed, which is named.
 */
export async function runDemo(out: (text: string) => void, width: number, colour: boolean): Promise<number> {
  const { loadConfig } = await import("../config/load.ts");
  const { createLog } = await import("../observe/log.ts");
  const { startGateway } = await import("../daemon.ts");
  const { DemoStage, POOL_NAME } = await import("../demo/run.ts");
  const { CHANNEL_ADDRESS } = await import("../demo/sample-pool.ts");

  const free = { address: "127.0.0.1", port: 0 };
  const folder = await mkdtemp(join(tmpdir(), "waypost-demo-"));
  const stage = await DemoStage.start({ pool: free, frontEnd: free });
  try {
    const file = join(folder, "waypost.yaml");
    // JSON is YAML too.
    await writeFile(
      file,
      JSON.stringify({
        listen: [{ transport: "tcp", host: "127.0.0.1", port: 0 }],
        store: { kind: "file", path: "endpoints.json" },
        resolve: { hosts: stage.resolveHosts },
      }),
    );
    const rows = ["sip:ocschat@contoso.com", CHANNEL_ADDRESS].map((sipAddress) => ({
      sipAddress,
      poolFqdn: POOL_NAME,
    }));
    await writeFile(join(folder, "endpoints.json"), JSON.stringify({ endpoints: rows }));
    const gateway = await startGateway(loadConfig({ file, env: {}, cwd: folder }), createLog("error"));
    try {
      const result = await stage.run({ gateway: gateway.listeners[0]!, print: (line) => out(`${line}\n`) });
      out(`\n${result.ladder.render({ width, colour }).join("\n")}\n\n`);
      out(result.ok ? "The legacy client reached its pool through Waypost.\n" : `FAILED: ${failure(result)}\n`);
      return result.ok ? 0 : 1;
    } finally {
      await gateway.stop();
    }
  } finally {
    await stage.close();
    await rm(folder, { recursive: true, force: true });
  }
}

function failure({
  failed,
  broken,
}: {
  failed?: { title: string; detail: string };
  broken: readonly { rule: string }[];
}) {
  return failed === undefined
    ? `a rule of the wire was broken: ${broken[0]?.rule}`
    : `${failed.title}: ${failed.detail}`;
}
