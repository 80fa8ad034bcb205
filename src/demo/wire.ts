import net from "node:net";
import type { Party, Recorder } from "./recorder.ts";
import { header, hostPort, parseHead, type SipText, serialise } from "./sip-text.ts";

/** A socket address: an IP literal without brackets, and a port. */
export interface Address {
  readonly address: string;
  readonly port: number;
}

/** What an actor does with what a connection brings. */
export interface WireHandlers {
  message(message: SipText, wire: Wire): void;
  closed(wire: Wire): void;
}

const MAX_HEAD = 64 * 1024;
const MAX_BODY = 1024 * 1024;

/**
 * One TCP connection that carries SIP: framing by Content-Length (RFC 3261 §18.3), CRLF keepalive (RFC 5626 §3.5.1),
 * several messages in one write. A message between two sample actors is recorded by its receiver; one to or
 * from Waypost by the actor at this end, so that every hop is recorded once.
 */
export class Wire {
  readonly #socket: net.Socket;
  readonly #self: Party;
  readonly #recorder: Recorder;
  readonly #local: string;
  readonly #handlers: WireHandlers;
  #pending: Buffer = Buffer.alloc(0);
  readonly remote: Address;
  readonly local: Address;

  constructor(socket: net.Socket, self: Party, recorder: Recorder, handlers: WireHandlers) {
    this.#socket = socket;
    this.#self = self;
    this.#recorder = recorder;
    this.#handlers = handlers;
    this.local = { address: socket.localAddress ?? "", port: socket.localPort ?? 0 };
    this.remote = { address: socket.remoteAddress ?? "", port: socket.remotePort ?? 0 };
    this.#local = hostPort(this.local.address, this.local.port);
    socket.setNoDelay(true);
    socket.on("data", (chunk) => this.#data(chunk));
    socket.on("error", () => {});
    socket.on("close", () => handlers.closed(this));
  }

  /** Who is at the other end. Asked anew each time: an accepted connection may be there before its dialler has claimed it. */
  get peer(): Party {
    return this.#recorder.partyAt(hostPort(this.remote.address, this.remote.port));
  }

  get open(): boolean {
    return this.#socket.writable;
  }

  /** Sends messages; what is sent in one turn of the event loop leaves in one TCP segment where it fits. */
  send(...messages: SipText[]): void {
    if (!this.open) return;
    if (this.peer === "Waypost") for (const message of messages) this.#recorder.message(this.#self, this.peer, message);
    this.#socket.cork();
    for (const message of messages) this.#socket.write(serialise(message));
    process.nextTick(() => this.#socket.uncork());
  }

  /** Sends what is still queued, then closes. */
  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #data(chunk: Buffer): void {
    this.#pending = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    try {
      for (let message = this.#next(); message !== undefined; message = this.#next()) {
        this.#recorder.message(this.peer, this.#self, message);
        this.#handlers.message(message, this);
      }
    } catch (error) {
      const { message } = error as Error;
      const rule = error instanceof FramingError ? error.rule : "readable";
      this.#recorder.broken({ noticedBy: this.#self, rule, detail: `${message}; ${this.#local} is closed` });
      this.#socket.destroy();
    }
  }

  /** The next whole message in the buffer, if there is one. A ping (two CRLF) is answered with one. */
  #next(): SipText | undefined {
    while (this.#pending[0] === 13 && this.#pending[1] === 10) {
      const ping = this.#pending[2] === 13 && this.#pending[3] === 10;
      this.#pending = this.#pending.subarray(ping ? 4 : 2);
      if (ping && this.open) this.#socket.write("\r\n");
    }
    const end = this.#pending.indexOf("\r\n\r\n");
    if (end < 0) {
      if (this.#pending.length > MAX_HEAD) throw new FramingError("head-size", "the message head does not end");
      return undefined;
    }
    const head = parseHead(this.#pending.toString("latin1", 0, end));
    const declared = header(head, "Content-Length");
    if (declared === undefined || !/^\d{1,7}$/.test(declared) || Number(declared) > MAX_BODY) {
      throw new FramingError("content-length", `"${head.startLine}" came without a usable long-form Content-Length`);
    }
    const length = Number(declared);
    if (this.#pending.length < end + 4 + length) return undefined;
    const body = Buffer.from(this.#pending.subarray(end + 4, end + 4 + length));
    this.#pending = this.#pending.subarray(end + 4 + length);
    return { ...head, body };
  }
}

class FramingError extends Error {
  readonly rule: string;

  constructor(rule: string, message: string) {
    super(message);
    this.rule = rule;
  }
}

/** Opens a connection for an actor; rejects when the peer refuses. */
export function dial(to: Address, self: Party, recorder: Recorder, handlers: WireHandlers): Promise<Wire> {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ host: to.address, port: to.port });
    socket.once("error", reject);
    socket.once("connect", () => {
      socket.off("error", reject);
      const own = hostPort(socket.localAddress ?? "", socket.localPort ?? 0);
      recorder.claim(own, self);
      socket.once("close", () => recorder.release(own));
      resolve(new Wire(socket, self, recorder, handlers));
    });
  });
}

/** A listening socket of an actor, and the connections that came in. */
export class Listening {
  readonly #server: net.Server;
  readonly #wires = new Set<Wire>();
  readonly #self: Party;
  readonly #recorder: Recorder;
  #bound: Address | undefined;

  constructor(self: Party, recorder: Recorder, handlers: WireHandlers) {
    this.#self = self;
    this.#recorder = recorder;
    const { message, closed } = handlers;
    this.#server = net.createServer((socket) => {
      const wire = new Wire(socket, self, recorder, {
        message,
        closed: (gone) => {
          this.#wires.delete(gone);
          closed(gone);
        },
      });
      this.#wires.add(wire);
    });
  }

  /** The bound address; throws before `start`. */
  get address(): Address {
    if (this.#bound === undefined) throw new Error(`the sample ${this.#self} does not listen yet`);
    return this.#bound;
  }

  /** Binds; port 0 takes a free one. Rejects when the address is taken. */
  start(at: Address): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen({ host: at.address, port: at.port }, () => {
        this.#server.off("error", reject);
        const bound = this.#server.address() as net.AddressInfo;
        this.#bound = { address: bound.address, port: bound.port };
        this.#recorder.claim(hostPort(bound.address, bound.port), this.#self);
        resolve();
      });
    });
  }

  /** Closes the socket and every connection; resolves when all are gone. */
  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      for (const wire of this.#wires) wire.destroy();
    });
  }
}
