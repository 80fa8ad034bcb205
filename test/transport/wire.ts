import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { EventEmitter, on, once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import type { Flow } from "../../src/sip/flow.ts";
import type { ListenSpec, TransportHandler, TransportOptions } from "../../src/transport/part.ts";
import { Transports } from "../../src/transport/transports.ts";

/** A SIP message with a right Content-Length. @param start its start line without CRLF */
export function message(start: string, body = ""): string {
  return `${start}\r\nCall-ID: a@b\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}

export const OPTIONS = message("OPTIONS sip:gw.contoso.com SIP/2.0");

/** Records what a handler is told, and lets a test wait for it. */
export class Recorder implements TransportHandler {
  readonly messages: { text: string; flow: Flow }[] = [];
  readonly ends: { flow: Flow; reason: string }[] = [];
  readonly anomalies: { kind: string; detail: string }[] = [];
  readonly notices: string[] = [];
  /** How many messages came in each burst; the last one is under way while `inBurst`. */
  readonly bursts: number[] = [];
  inBurst = false;
  onMessage: ((bytes: Buffer, flow: Flow) => void) | undefined;
  readonly #events = new EventEmitter();

  received(bytes: Buffer, flow: Flow): void {
    this.messages.push({ text: bytes.toString("latin1"), flow });
    if (this.inBurst) this.bursts[this.bursts.length - 1]!++;
    this.onMessage?.(bytes, flow);
    this.#events.emit("change");
  }

  burst(begins: boolean): void {
    if (begins === this.inBurst) throw new Error("bursts do not nest, and each one ends");
    if (begins) this.bursts.push(0);
    this.inBurst = begins;
  }

  closed(flow: Flow, reason: string): void {
    this.ends.push({ flow, reason });
    this.#events.emit("change");
  }

  anomaly(kind: string, detail: string): void {
    this.anomalies.push({ kind, detail });
    this.#events.emit("change");
  }

  notice(detail: string): void {
    this.notices.push(detail);
    this.#events.emit("change");
  }

  /** Resolves when the condition holds; it is looked at after every call of the handler. */
  async until(condition: (recorder: this) => boolean): Promise<this> {
    while (!condition(this)) await once(this.#events, "change");
    return this;
  }

  async message(index = 0): Promise<{ text: string; flow: Flow }> {
    await this.until(() => this.messages.length > index);
    return this.messages[index]!;
  }

  async end(index = 0): Promise<{ flow: Flow; reason: string }> {
    await this.until(() => this.ends.length > index);
    return this.ends[index]!;
  }
}

export interface Closing {
  teardown(fn: () => unknown): void;
}

/** Transports on ephemeral loopback ports, closed with the test. */
export async function listening(
  t: Closing,
  specs: readonly (Partial<ListenSpec> & Pick<ListenSpec, "transport">)[],
  options: TransportOptions = {},
): Promise<{ transports: Transports; handler: Recorder }> {
  const handler = new Recorder();
  const full = specs.map((spec) => ({ host: "127.0.0.1", port: 0, ...spec }));
  const transports = await Transports.listen(full, options, handler);
  transports.start();
  t.teardown(() => transports.close());
  return { transports, handler };
}

/** A plain TCP client; everything it reads is in `text`. */
export class Client {
  text = "";
  readonly socket: Socket;
  /** The chunks in which the bytes arrived. */
  readonly chunks: string[] = [];

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on("error", () => undefined);
    socket.on("data", (chunk) => {
      this.chunks.push(chunk.toString("latin1"));
      this.text += chunk.toString("latin1");
    });
  }

  static async to(t: Closing, port: number, host = "127.0.0.1"): Promise<Client> {
    const socket = connect({ port, host, noDelay: true });
    t.teardown(() => socket.destroy());
    await once(socket, "connect");
    return new Client(socket);
  }

  async until(condition: (text: string) => boolean): Promise<string> {
    if (condition(this.text)) return this.text;
    for await (const _ of on(this.socket, "data", { close: ["close"] })) if (condition(this.text)) return this.text;
    throw new Error(`connection closed after ${JSON.stringify(this.text)}`);
  }

  async closed(): Promise<void> {
    if (!this.socket.closed) await once(this.socket, "close").catch(() => undefined);
  }
}

/** A TCP server that stands for a next hop. */
export async function peerServer(
  t: Closing,
  host = "127.0.0.1",
): Promise<{ port: number; server: Server; accepted: () => Promise<Client> }> {
  const server = createServer();
  const waiting: Client[] = [];
  const events = new EventEmitter();
  server.on("connection", (socket) => {
    t.teardown(() => socket.destroy());
    waiting.push(new Client(socket));
    events.emit("change");
  });
  server.listen(0, host);
  await once(server, "listening");
  t.teardown(() => server.close());
  return {
    server,
    port: (server.address() as { port: number }).port,
    accepted: async () => {
      while (waiting.length === 0) await once(events, "change");
      return waiting.shift()!;
    },
  };
}

/** A bound UDP socket of a peer. */
export async function udpPeer(t: Closing, host = "127.0.0.1"): Promise<{ socket: UdpSocket; port: number }> {
  const socket = createSocket(host.includes(":") ? "udp6" : "udp4");
  socket.bind(0, host);
  await once(socket, "listening");
  t.teardown(() => socket.close());
  return { socket, port: socket.address().port };
}
