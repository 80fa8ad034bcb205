import type { Address } from "../demo/wire.ts";
import { readyLine, stopSignal } from "./serve.ts";

const EXAMPLE_ADDRESS = "sip:ocschat@contoso.com";

/** `waypost start`: the gateway with an example endpoint and the sample pool, until a signal ends it. Gives the exit status. */
export async function runStart(file: string | undefined): Promise<number> {
  const { loadConfig } = await import("../config/load.ts");
  const { createLog } = await import("../observe/log.ts");
  const { startGateway } = await import("../daemon.ts");
  const { DemoStage, FRONT_END_NAME, POOL_NAME } = await import("../demo/run.ts");
  const { CHANNEL_ADDRESS } = await import("../demo/sample-pool.ts");
  const { WaypostError } = await import("../errors.ts");
  const { storePlace } = await import("../open-store.ts");

  const config = loadConfig({ file, env: process.env, cwd: process.cwd() });
  const sampleAt = (name: string): Address => {
    const target = config.resolve.hosts.get(name)?.find(({ transport }) => transport === "tcp");
    if (target !== undefined) return { address: target.address, port: target.port };
    const message = `${config.file}: resolve.hosts gives no tcp address for ${name}, where the sample would listen`;
    throw new WaypostError("CONFIG_INVALID", message);
  };
  const places = { pool: sampleAt(POOL_NAME), frontEnd: sampleAt(FRONT_END_NAME) };
  const stage = await DemoStage.start(places).catch((error: Error) => {
    const message = `the samples cannot start (${error.message}); is another \`waypost start\` running?`;
    throw new WaypostError("LISTENER_FAILED", message, { cause: error });
  });
  try {
    // The samples answer for the calls that people try; what is wrong is still said.
    const gateway = await startGateway(config, createLog(config.log.level === "info" ? "warn" : config.log.level));
    try {
      if (gateway.table.size === 0) {
        const example = (sipAddress: string, displayName: string) =>
          ({ kind: "add", endpoint: { sipAddress, poolFqdn: POOL_NAME, displayName } }) as const;
        const rows = [example(EXAMPLE_ADDRESS, "Example: look-up"), example(CHANNEL_ADDRESS, "Example: channel")];
        await gateway.store.change(rows, { name: "waypost start", source: "cli", reason: "example endpoints" });
      }
      const tcp = gateway.listeners.find(({ transport }) => transport === "tcp");
      const session = tcp === undefined ? undefined : await stage.run({ gateway: tcp });
      const outcome = session?.ok
        ? `a sample legacy client has just chatted through it (${session.ladder.rungs.length} messages)`
        : `the sample session did not work: ${session?.failed?.title ?? "there is no tcp listener"}`;
      const stop = stopSignal();
      process.stdout.write(
        [
          readyLine(gateway.listeners, gateway.table.size),
          `sample pool ${POOL_NAME} on tcp:127.0.0.1:${stage.pool.address.port}; ${outcome}`,
          `endpoints in ${storePlace(config.store)}; edit it, or use the commands, while this runs`,
          "try next, in another terminal:  npx waypost demo  |  npx waypost endpoint list  |  npx waypost check",
          "Ctrl-C ends it",
          "",
        ].join("\n"),
      );
      await stop;
    } finally {
      await gateway.stop();
    }
  } finally {
    await stage.close();
  }
  return 0;
}
