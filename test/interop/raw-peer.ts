import { createSocket } from "node:dgram";
import { EventEmitter, once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import * as tls from "node:tls";
import { WebSocket } from "ws";
import { Message } from "../support/sip-text.ts";

export type Transport = "udp" | "tcp" | "tls" | "ws";

/** Far more than a slow machine needs: what has not come by then does not come. */
const PATIENCE_MS = 20_000;

interface Closing {
  teardown(undo: () => unknown): void;
}

/** A way to one other side: a UDP address, or a connection. */
export interface Link {
  /** Our end, as it stands in Via and Contact: `127.0.0.1:5060`, `[::1]:5060`, or for WebSocket a name that leads nowhere. */
  readonly local: string;
  /** The other end, in the same form. */
  readonly remote: string;
  send(text: string): void;
  /** Ends the connection, where it is one. */
  close(): void;
}

export interface Arrival {
  readonly message: Message;
  readonly link: Link;
}

/** A SIP element that says only what a test tells it to, over sockets of its own. */
export class RawPeer {
  readonly transport: Transport;
  /** Every way that was opened, by us or by others; of UDP, every address that was heard or written to. */
  readonly links: Link[] = [];
  /** Where it listens, in the form of `Link.local`; undefined where it does not. */
  local: string | undefined;
  readonly #arrived: Arrival[] = [];
  readonly #events = new EventEmitter().setMaxListeners(0);

  private constructor(transport: Transport) {
    this.transport = transport;
  }

  /** One that others reach. @param secure what a TLS server needs */
  static async listening(
    t: Closing,
    transport: "udp" | "tcp" | "tls",
    host: string,
    secure: tls.TlsOptions,
  ): Promise<RawPeer> {
    const peer = new RawPeer(transport);
    if (transport === "udp") await peer.#bind(t, host);
    else {
      const adopt = (socket: Socket): void => void peer.#stream(t, socket);
      const server = transport === "tcp" ? createServer(adopt) : tls.createServer(secure, adopt);
      server.listen(0, host);
      await once(server, "listening");
      t.teardown(() => server.close());
      peer.local = written(server.address() as AddressInfo);
    }
    return peer;
  }

  /** One that has connected to `to` and listens nowhere (but for UDP). @param ca of the server, for TLS */
  static async connected(
    t: Closing,
    transport: Transport,
    to: { address: string; port: number },
    ca: string,
  ): Promise<{ peer: RawPeer; link: Link }> {
    const peer = new RawPeer(transport);
    return { peer, link: await peer.#open(t, to, ca) };
  }

  /** The request with this method of this call, arrived or to come; it is taken out. */
  request(method: string, callId: string): Promise<Arrival> {
    return this.#next(`${method} of ${callId}`, (message) => message.method === method, callId);
  }

  /** The final response to the request with this CSeq, arrived or to come; it is taken out. */
  async answer(cseq: string, callId: string): Promise<Message> {
    const fits = (message: Message): boolean => message.status >= 200 && message.one("CSeq") === cseq;
    return (await this.#next(`an answer to ${cseq} of ${callId}`, fits, callId)).message;
  }

  /** What has arrived and was not taken out. */
  get left(): readonly Message[] {
    return this.#arrived.map(({ message }) => message);
  }

  async #next(what: string, fits: (message: Message) => boolean, callId: string): Promise<Arrival> {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    for (;;) {
      const index = this.#arrived.findIndex(({ message }) => message.one("Call-ID") === callId && fits(message));
      if (index >= 0) return this.#arrived.splice(index, 1)[0]!;
      await once(this.#events, "arrival", { signal }).catch(() => {
        const heard = this.left.map((message) => message.text).join("\n");
        throw new Error(`${what} never came; what came instead:\n${heard}`);
      });
    }
  }

  async #open(t: Closing, to: { address: string; port: number }, ca: string): Promise<Link> {
    const { address: host, port } = to;
    if (this.transport === "udp") return (await this.#bind(t, host.includes(":") ? "::1" : "127.0.0.1"))(host, port);
    if (this.transport === "ws") {
      const socket = new WebSocket(`ws://${written(to)}`, ["sip"]);
      t.teardown(() => socket.terminate());
      await once(socket, "open");
      const link = this.#keep("browser7f3a.invalid", written(to), (text) => socket.send(text));
      socket.on("message", (data) => this.#arrive(data as Buffer, link));
      return link;
    }
    const socket = this.transport === "tls" ? tls.connect({ host, port, ca }) : connect({ host, port });
    await once(socket, this.transport === "tls" ? "secureConnect" : "connect");
    return this.#stream(t, socket);
  }

  /** Binds a UDP socket. @returns what makes the link to an address */
  async #bind(t: Closing, host: string): Promise<(address: string, port: number) => Link> {
    const socket = createSocket(host.includes(":") ? "udp6" : "udp4");
    socket.bind(0, host);
    await once(socket, "listening");
    t.teardown(() => socket.close());
    const local = written(socket.address());
    this.local = local;
    const linkTo = (address: string, port: number): Link => {
      const remote = written({ address, port });
      const known = this.links.find((link) => link.remote === remote);
      return known ?? this.#keep(local, remote, (text) => socket.send(Buffer.from(text, "latin1"), port, address));
    };
    socket.on("message", (bytes, from) => this.#arrive(bytes, linkTo(from.address, from.port)));
    return linkTo;
  }

  #stream(t: Closing, socket: Socket): Link {
    t.teardown(() => socket.destroy());
    const local = this.local ?? written({ address: socket.localAddress!, port: socket.localPort! });
    const remote = written({ address: socket.remoteAddress!, port: socket.remotePort! });
    const link = this.#keep(
      local,
      remote,
      (text) => void socket.write(text, "latin1"),
      () => socket.destroy(),
    );
    let pending: Buffer = Buffer.alloc(0);
    socket.setNoDelay(true).on("error", () => {});
    socket.on("data", (chunk: Buffer) => {
      pending = Buffer.concat([pending, chunk]);
      for (let length = wholeMessage(pending); length > 0; length = wholeMessage(pending)) {
        this.#arrive(pending.subarray(0, length), link);
        pending = pending.subarray(length);
      }
    });
    return link;
  }

  #keep(local: string, remote: string, send: (text: string) => void, close = (): void => {}): Link {
    const link = { local, remote, send, close };
    this.links.push(link);
    return link;
  }

  #arrive(bytes: Buffer, link: Link): void {
    this.#arrived.push({ message: new Message(bytes), link });
    this.#events.emit("arrival");
  }
}

/** `address:port` with brackets around IPv6 (RFC 3261 §25.1, RFC 5118). */
export function written({ address, port }: { address: string; port: number }): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

/** Length of the message at the start of a stream; 0 while it is not complete. */
function wholeMessage(bytes: Buffer): number {
  const head = bytes.indexOf("\r\n\r\n");
  if (head < 0) return 0;
  const body = Number(/^Content-Length: *(\d+)/im.exec(bytes.toString("latin1", 0, head + 2))?.[1] ?? 0);
  return bytes.length >= head + 4 + body ? head + 4 + body : 0;
}
