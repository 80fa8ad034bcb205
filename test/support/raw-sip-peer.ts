import { once } from "node:events";
import net from "node:net";

/** A TCP peer that speaks raw SIP text: each message is one string, each is awaited, nothing is answered by itself. */
export class RawSipPeer {
  readonly socket: net.Socket;
  readonly #messages: string[] = [];
  readonly #waiting: Array<(message: string) => void> = [];
  #pending = "";
  /** The chunks as they arrived, for tests of what shares a segment. */
  readonly chunks: string[] = [];

  constructor(socket: net.Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on("error", () => {});
    socket.on("data", (chunk) => this.#data(chunk.toString("latin1")));
  }

  static async connect(to: { address: string; port: number }): Promise<RawSipPeer> {
    const socket = net.connect({ host: to.address, port: to.port });
    await once(socket, "connect");
    return new RawSipPeer(socket);
  }

  /** The next message, as one string with its body. */
  next(): Promise<string> {
    const message = this.#messages.shift();
    if (message !== undefined) return Promise.resolve(message);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  send(text: string): void {
    this.socket.write(text, "latin1");
  }

  get closed(): Promise<unknown> {
    return this.socket.destroyed ? Promise.resolve() : once(this.socket, "close");
  }

  close(): void {
    this.socket.destroy();
  }

  #data(chunk: string): void {
    this.chunks.push(chunk);
    this.#pending += chunk;
    for (;;) {
      const end = this.#pending.indexOf("\r\n\r\n");
      if (end < 0) return;
      const length = Number(/^Content-Length:\s*(\d+)/im.exec(this.#pending.slice(0, end))?.[1] ?? 0);
      if (this.#pending.length < end + 4 + length) return;
      const message = this.#pending.slice(0, end + 4 + length);
      this.#pending = this.#pending.slice(end + 4 + length);
      const waiting = this.#waiting.shift();
      if (waiting === undefined) this.#messages.push(message);
      else waiting(message);
    }
  }
}

/** A TCP listener on loopback that hands out each connection as a raw SIP peer. */
export class RawSipListener {
  readonly #server = net.createServer((socket) => this.#accept(new RawSipPeer(socket)));
  readonly #accepted: RawSipPeer[] = [];
  readonly #waiting: Array<(peer: RawSipPeer) => void> = [];
  readonly #all: RawSipPeer[] = [];

  static async start(): Promise<RawSipListener> {
    const listener = new RawSipListener();
    listener.#server.listen(0, "127.0.0.1");
    await once(listener.#server, "listening");
    return listener;
  }

  get address(): { address: string; port: number } {
    return { address: "127.0.0.1", port: (this.#server.address() as net.AddressInfo).port };
  }

  next(): Promise<RawSipPeer> {
    const peer = this.#accepted.shift();
    if (peer !== undefined) return Promise.resolve(peer);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  async close(): Promise<void> {
    for (const peer of this.#all) peer.close();
    this.#server.close();
    await once(this.#server, "close");
  }

  #accept(peer: RawSipPeer): void {
    this.#all.push(peer);
    const waiting = this.#waiting.shift();
    if (waiting === undefined) this.#accepted.push(peer);
    else waiting(peer);
  }
}

/** Lines and a body to one message, with a Content-Length where the lines have none. */
export function sipMessage(lines: readonly string[], body = ""): string {
  const length = /^(content-length|l)\s*:/im.test(lines.join("\n")) ? [] : [`Content-Length: ${body.length}`];
  return `${[...lines, ...length].join("\r\n")}\r\n\r\n${body}`;
}

/** An answer to a request, with the headers that RFC 3261 §8.2.6.2 copies; a To tag is added where there is none. */
export function sipAnswer(request: string, status: string, more: readonly string[] = [], body = ""): string {
  const copied = headLines(request).filter((line) => /^(Via|From|To|Call-ID|CSeq):/i.test(line));
  const tagged = copied.map((line) => (/^To:/i.test(line) && !/;tag=/.test(line) ? `${line};tag=raw1` : line));
  return sipMessage([`SIP/2.0 ${status}`, ...tagged, ...more], body);
}

/** All values of a header in a raw message. */
export function rawValues(message: string, name: string): string[] {
  const prefix = `${name.toLowerCase()}:`;
  return headLines(message)
    .filter((line) => line.toLowerCase().startsWith(prefix))
    .map((line) => line.slice(prefix.length).trim());
}

/** The first line of a raw message. */
export function startLine(message: string): string {
  return message.slice(0, message.indexOf("\r\n"));
}

function headLines(message: string): string[] {
  return message.slice(0, message.indexOf("\r\n\r\n")).split("\r\n");
}
