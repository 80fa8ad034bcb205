import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { freePort } from "../support/free-port.ts";
import type { Closing } from "../support/gateway.ts";

/** What keeps a server's data over a kill -9: every change is on disk before it is answered. */
export const DURABLE = ["--appendonly", "yes", "--appendfsync", "always"];

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
  static async start(t: Closing, ...args: string[]): Promise<RedisServer> {
    return RedisServer.#start(t, (port) => ["--port", String(port), "--save", "", ...args]);
  }

  /** Starts a Sentinel. @param lines of its configuration */
  static async startSentinel(t: Closing, ...lines: string[]): Promise<RedisServer> {
    return RedisServer.#start(t, (port, folder) => {
      const path = join(folder, "sentinel.conf");
      writeFileSync(path, [`port ${port}`, ...lines, ""].join("\n"));
      return [path, "--sentinel"];
    });
  }

  static async #start(t: Closing, argumentsFor: (port: number, folder: string) => string[]): Promise<RedisServer> {
    const folder = mkdtempSync(join(tmpdir(), "waypost-redis-"));
    const port = await freePort();
    const server = new RedisServer(port, folder, argumentsFor(port, folder));
    t.teardown(async () => {
      await server.kill();
      rmSync(folder, { recursive: true, force: true });
    });
    await server.start();
    return server;
  }

  /** Starts the process, again after a `kill`, with the same port and folder. */
  async start(): Promise<void> {
    const server = spawn("redis-server", [...this.#arguments, "--bind", "127.0.0.1", "--dir", this.folder], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    this.#process = server;
    const lines = server.stdout!;
    lines.setEncoding("utf8");
    let text = "";
    await new Promise<void>((resolve, reject) => {
      lines.on("data", (piece: string) => {
        text += piece;
        if (/Ready to accept connections|Sentinel ID is/.test(text)) resolve();
      });
      lines.on("end", () => reject(new Error(`redis-server did not start:\n${text}`)));
    });
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

  /** Takes away what the server has kept on disk. It must not run. */
  clear(): void {
    rmSync(join(this.folder, "appendonlydir"), { recursive: true, force: true });
  }

  pause(): void {
    this.#process?.kill("SIGSTOP");
  }

  resume(): void {
    this.#process?.kill("SIGCONT");
  }

  /** A plain client for the test itself; it ends with the test. */
  client(t: Closing, options: { username?: string; password?: string } = {}): Redis {
    const redis = new Redis({ port: this.port, host: "127.0.0.1", protocol: 2, ...options });
    redis.on("error", () => undefined);
    t.teardown(() => redis.disconnect());
    return redis;
  }
}
