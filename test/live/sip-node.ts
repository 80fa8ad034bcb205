import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { EventEmitter, once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import type { Bound, Closing } from "../support/gateway.ts";
import { Message } from "../support/sip-text.ts";

/** A way to one peer: a UDP socket with an address, or a TCP connection. */
export interface Link {
  readonly transport: "udp" | "tcp";
  /** What stands for us in Via, Contact and Record-Route: `127.0.0.1:5060` or `[::1]:5060`. */
  readonly local: string;
  send(text: string): void;
  /** Of a connection: ends it at once. */
  close?(): void;
}

/** How long a message may take on a busy machine. */
const PATIENCE_MS = 60_000;

interface Arrival {
  readonly message: Message;
  readonly link: Link;
}

/** A SIP element of a test: a UDP socket and a TCP listener of its own, and connections that it opens. */
export class SipNode {
  /** Called for each message that arrives. It is kept for `next` unless this gives true. */
  take: ((message: Message, link: Link) => boolean) | undefined;
  readonly #host: string;
  readonly #udp: UdpSocket;
  readonly #tcp: Server;
  readonly #sockets = new Set<Socket>();
  readonly #arrived: Arrival[] = [];
  readonly #events = new EventEmitter().setMaxListeners(0);

  private constructor(host: string) {
    this.#host = host;
    this.#udp = createSocket(host.includes(":") ? "udp6" : "udp4");
    this.#udp.on("message", (bytes, from) => this.#arrive(bytes, this.#udpLink(from.address, from.port)));
    this.#tcp = createServer((socket) => this.#adopt(socket));
  }

  static async start(t: Closing, host = "127.0.0.1"): Promise<SipNode> {
    const node = new SipNode(host);
    node.#udp.bind(0, host);
    node.#tcp.listen(0, host);
    await Promise.all([once(node.#udp, "listening"), once(node.#tcp, "listening")]);
    t.teardown(() => node.#close());
    return node;
  }

  /** Where it listens, as `resolve.hosts` wants it: `udp:127.0.0.1:5060`. */
  target(transport: "udp" | "tcp"): string {
    return `${transport}:${this.#written(this.#port(transport))}`;
  }

  /** A way to a listener: for TCP a new connection. @param ended called when that connection has ended */
  async to({ transport, address, port }: Bound, ended?: () => void): Promise<Link> {
    if (transport === "udp") return this.#udpLink(address, port);
    const socket = connect({ port, host: address, localAddress: this.#host });
    await once(socket, "connect");
    if (ended !== undefined) socket.once("close", ended);
    return this.#adopt(socket);
  }

  /**
   * The first message, arrived or to come, for which this holds; it is taken out.
   * @throws Error when none comes in a long while: it names what came
   */
  async next(fits: (message: Message) => boolean): Promise<Arrival> {
    const patience = AbortSignal.timeout(PATIENCE_MS);
    for (;;) {
      const index = this.#arrived.findIndex(({ message }) => fits(message));
      if (index >= 0) return this.#arrived.splice(index, 1)[0]!;
      await once(this.#events, "arrival", { signal: patience }).catch((cause: Error) => {
        const came = this.#arrived.map(({ message }) => `${message.startLine} ${message.one("Call-ID")}`);
        throw new Error(`the message did not come; here are: ${came.join(", ") || "none"}`, { cause });
      });
    }
  }

  /** The next request with this method, of this call if one is named. */
  request(method: string, callId?: string): Promise<Arrival> {
    return this.next((message) => message.status === 0 && message.method === method && isOf(message, callId));
  }

  /** The next final response to a request with this CSeq, of this call if one is named. */
  async answer(cseq: string, callId?: string): Promise<Message> {
    const fits = (message: Message) => message.status >= 200 && message.one("CSeq") === cseq && isOf(message, callId);
    return (await this.next(fits)).message;
  }

  #arrive(bytes: Buffer, link: Link): void {
    const message = new Message(bytes);
    if (this.take?.(message, link)) return;
    this.#arrived.push({ message, link });
    this.#events.emit("arrival");
  }

  #udpLink(address: string, port: number): Link {
    const local = this.#written(this.#port("udp"));
    return { transport: "udp", local, send: (text) => this.#udp.send(Buffer.from(text, "latin1"), port, address) };
  }

  #adopt(socket: Socket): Link {
    this.#sockets.add(socket);
    // Requests from elsewhere come to the listener, whatever port the connection was opened from.
    const local = this.#written(this.#port("tcp"));
    const send = (text: string): void => void socket.write(text, "latin1");
    const link: Link = { transport: "tcp", local, send, close: () => void socket.destroy() };
    let pending: Buffer = Buffer.alloc(0);
    socket.setNoDelay(true).on("error", () => {});
    socket.on("close", () => this.#sockets.delete(socket));
    socket.on("data", (chunk: Buffer) => {
      pending = Buffer.concat([pending, chunk]);
      for (let length = wholeMessage(pending); length > 0; length = wholeMessage(pending)) {
        this.#arrive(pending.subarray(0, length), link);
        pending = pending.subarray(length);
      }
    });
    return link;
  }

  #port(transport: "udp" | "tcp"): number {
    return transport === "udp" ? this.#udp.address().port : (this.#tcp.address() as { port: number }).port;
  }

  #written(port: number): string {
    return this.#host.includes(":") ? `[${this.#host}]:${port}` : `${this.#host}:${port}`;
  }

  /** Ends every connection; those that come later are taken. */
  hangUp(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #close(): void {
    this.hangUp();
    this.#tcp.close();
    this.#udp.close();
  }
}

/** Length of the message at the start of a stream; 0 while it is not complete. */
function wholeMessage(bytes: Buffer): number {
  const head = bytes.indexOf("\r\n\r\n");
  if (head < 0) return 0;
  const body = Number(/^Content-Length: *(\d+)/im.exec(bytes.toString("latin1", 0, head + 2))?.[1] ?? 0);
  return bytes.length >= head + 4 + body ? head + 4 + body : 0;
}

function isOf(message: Message, callId: string | undefined): boolean {
  return callId === undefined || message.one("Call-ID") === callId;
}
