import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { freePort } from "../support/free-port.ts";
import type { Closing } from "../support/gateway.ts";
import type { RedisServer } from "./redis-server.ts";

/** The network between a gateway and its Redis, which the test can cut, or let bytes vanish in. */
export class Relay {
  readonly port: number;
  /**
   * Sees what a client sends before it is passed on. `hold` keeps it back until `release`, `drop-answer` cuts the
   * connection when the answer comes.
   */
  watch: ((bytes: string) => "pass" | "hold" | "drop-answer") | undefined;
  readonly #to: number;
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  #server: Server | undefined;
  #held: (() => void)[] = [];

  private constructor(port: number, to: number) {
    this.port = port;
    this.#to = to;
  }

  static async start(t: Closing, server: RedisServer): Promise<Relay> {
    const relay = new Relay(await freePort(), server.port);
    t.teardown(() => relay.cut());
    await relay.restore();
    return relay;
  }

  /** Ends every connection and takes no new ones. */
  cut(): void {
    this.#server?.close();
    this.#server = undefined;
    for (const pair of this.#pairs) for (const socket of pair) socket.destroy();
  }

  async restore(): Promise<void> {
    this.#server = createServer((client) => this.#join(client)).listen(this.port, "127.0.0.1");
    await once(this.#server, "listening");
  }

  /** Passes on what was held back. */
  release(): void {
    for (const pass of this.#held.splice(0)) pass();
  }

  #join(client: Socket): void {
    const server = connect(this.#to, "127.0.0.1");
    const pair = [client, server] as const;
    this.#pairs.add(pair);
    let deaf = false;
    const end = (): void => {
      this.#pairs.delete(pair);
      client.destroy();
      server.destroy();
    };
    for (const socket of pair) socket.setNoDelay(true).on("error", end).on("close", end);
    client.on("data", (bytes: Buffer) => {
      const verdict = this.watch?.(bytes.toString("latin1")) ?? "pass";
      deaf ||= verdict === "drop-answer";
      if (verdict === "hold") this.#held.push(() => server.write(bytes));
      else server.write(bytes);
    });
    server.on("data", (bytes: Buffer) => {
      if (deaf) end();
      else client.write(bytes);
    });
  }
}
