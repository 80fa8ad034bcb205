import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../../test/support/free-port.ts";
import type { Cores } from "../machine.ts";
import type { RunningServer, ServerSetup, StartServer } from "../servers/server.ts";

/** What the parts of `npm run bench:scale` have in common. */
export interface Stage {
  readonly cores: Cores;
  readonly tls: { readonly cert: string; readonly key: string };
  readonly waypost: StartServer;
  /** Undefined where it is not installed. */
  readonly kamailio: StartServer | undefined;
}

/** Starts a server in a folder of its own, lets `use` have it, and stops it. */
export async function withServer<T>(
  stage: Stage,
  start: StartServer,
  wanted: Pick<ServerSetup, "mode" | "transport" | "rows">,
  use: (server: RunningServer) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "waypost-bench-"));
  const port = await freePort(3);
  try {
    const given = { port, poolPort: port + 2, tls: stage.tls, logged: false, folder, core: stage.cores.server };
    const server = await start({ ...wanted, ...given });
    try {
      return await use(server);
    } finally {
      await server.stop();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
