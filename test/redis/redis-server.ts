import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import type { Test } from "tap";

/** A real redis-server (or Sentinel) of the test's own on loopback, without persistence unless its arguments say so. */
export class RedisServer {
  readonly port: number;
  readonly folder: string;
  readonly #arguments: readonly string[];
  #process: ChildProcess | undefined;

  private constructor(port: number, folder: string, args: readonly string[]) {
    this.port = port;
    this.folder = folder;
    this.#arguments = args;
  }

  /** Starts a server that ends with the test. @param args as redis-server takes them */
  static async start(t: Test, ...args: string[]): Promise<RedisServer> {
    const folder = mkdtempSync(join(tmpdir(), "waypost-redis-"));
    const server = new RedisServer(await freePort(), folder, args);
    t.teardown(async () => {
      await server.kill();
      rmSync(folder, { recursive: true, force: true });
    });
    await server.start();
    return server;
  }

  /** Starts the process, again after a `kill`, with the same port and folder. */
  async start(): Promise<void> {
    const server = spawn(
      "redis-server",
      ["--port", String(this.port), "--bind", "127.0.0.1", "--dir", this.folder, "--save", "", ...this.#arguments],
      { stdio: ["ignore", "pipe", "inherit"] },
    );
    this.#process = server;
    const lines = server.stdout!;
    lines.setEncoding("utf8");
    let text = "";
    for await (const piece of lines as AsyncIterable<string>) {
      text += piece;
      if (/Ready to accept connections|Sentinel ID is/.test(text)) {
        break;
      }
    }
    if (!/Ready to accept connections|Sentinel ID is/.test(text)) {
      throw new Error(`redis-server did not start:\n${text}`);
    }
  }

  /** Ends the process as kill -9 does. */
  async kill(): Promise<void> {
    const server = this.#process;
    this.#process = undefined;
    if (server !== undefined && server.exitCode === null) {
      server.kill("SIGKILL");
      await once(server, "exit");
    }
  }

  pause(): void {
    this.#process?.kill("SIGSTOP");
  }

  resume(): void {
    this.#process?.kill("SIGCONT");
  }

  /** A plain client for the test itself; it ends with the test. */
  client(t: Test, options: { password?: string } = {}): Redis {
    const redis = new Redis({ port: this.port, host: "127.0.0.1", protocol: 2, ...options });
    redis.on("error", () => undefined);
    t.teardown(() => redis.disconnect());
    return redis;
  }
}

/** A port that was free a moment ago. redis-server cannot tell which one the kernel would give it. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  // A Cluster node also takes the port 10000 above.
  return port < 55_000 ? port : freePort();
}
