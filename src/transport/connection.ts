import type { Socket } from "node:net";
import { hostPort } from "../address.ts";
import type { Listener, TransportName } from "../sip/flow.ts";
import { FRAMING_ERROR_TEXT, type FramingErrorKind, StreamFraming } from "../sip/framing.ts";
import { explainSocketError } from "./explain.ts";
import { pauseIfTooFast, takeIn } from "./intake.ts";
import type { ListenerStats, Message, OpenFlow, TransportHandler, TransportOptions } from "./part.ts";
import type { Turn, Turning } from "./turn.ts";

/** A flow that is a connection, as its listener sees it. */
export interface Connection extends OpenFlow {
  /**
   * No message comes or goes from here on. `flush`: what was sent goes out first. `linger`: then the peer is waited for to
   * end its side too, since the kernel resets a connection that is closed with bytes unread, and takes back what was sent.
   */
  end(reason: string, how: Ending): void;
  /** Gives up on a connection that flushes too slowly. */
  destroy(): void;
  /** Looks whether it has been quiet too long. @param now in ms of `performance.now` */
  sweep(now: number): void;
}

/** What a connection needs from the listener it belongs to. */
export interface ConnectionOwner {
  readonly listener: Listener;
  readonly handler: TransportHandler;
  readonly stats: ListenerStats;
  readonly options: Required<TransportOptions>;
  readonly turn: Turn;
  /** The connection takes no more bytes; its socket may still be flushing. */
  ended(connection: Connection): void;
  /** The socket is gone. */
  gone(connection: Connection): void;
}

export type Ending = "flush" | "linger" | "now";

/** How a connection that is being dialled comes about. */
export interface Dialling {
  /** The socket's event after which it may be used. */
  readonly event: "connect" | "secureConnect";
  /** Asked when the event comes: why it may not be used all the same, as a whole reason. */
  judge?(connection: StreamConnection): string | undefined;
  /** What an error of the socket means, as a whole reason; absent = as for a TCP socket. */
  explain?(error: NodeJS.ErrnoException): string;
  /** The reason when it takes too long; absent = that no connection came about. */
  late?(timeoutMs: number): string;
}

const PONG = Buffer.from("\r\n", "latin1");
/** Bytes of one connection that wait for the end of the turn; with more they are taken in at once. */
const MOST_ARRIVED = 65_536;
/** How long a connection that has ended may take to flush what it still owes to a slow peer, in ms. */
export const LINGER_MS = 5000;

/** One TCP or TLS connection, carrying SIP messages both ways. */
export class StreamConnection implements Connection, Turning {
  readonly looksItself = false;
  readonly listener: Listener;
  readonly transport: TransportName;
  readonly remoteAddress: string;
  readonly remotePort: number;
  /** See Flow; set when a dialled peer has proved its names. */
  peerNames: readonly string[] | undefined;
  readonly #socket: Socket;
  readonly #owner: ConnectionOwner;
  readonly #framing: StreamFraming;
  #open = true;
  #connecting = false;
  /**
   * What was sent in the running turn, or before the connection came about; each character is a byte. To append to a
   * text costs next to nothing, and one text is written in a fraction of the time of a list of them.
   */
  #held = "";
  /** How many bytes have come that are not taken in yet. */
  #arrived = 0;
  #lastActivity = performance.now();
  /** When the message began that is not here as a whole yet. */
  #begunAt: number | undefined;
  #connectTimer: NodeJS.Timeout | undefined;

  /** @param dialling the socket is being set up: what is sent waits until it may be used */
  constructor(socket: Socket, owner: ConnectionOwner, remoteAddress: string, remotePort: number, dialling?: Dialling) {
    this.#socket = socket;
    this.#owner = owner;
    this.listener = owner.listener;
    this.transport = owner.listener.transport;
    this.remoteAddress = remoteAddress;
    this.remotePort = remotePort;
    this.#framing = new StreamFraming(owner.options);
    owner.stats.connections++;
    if (dialling !== undefined) this.#awaitConnect(owner.options.connectTimeoutMs, dialling);
    socket.on("data", (chunk: Buffer) => this.#data(chunk));
    const explain = dialling?.explain ?? ((error) => explainSocketError(error, this.#peer));
    socket.on("error", (error) => {
      this.takeArrived();
      this.end(explain(error), "now");
    });
    socket.on("end", () => {
      this.takeArrived();
      // In the middle of a handshake an error follows, which says more.
      if (this.#connecting) return;
      this.end(`closed by ${this.#peer}${this.#framing.midMessage ? " in the middle of a message" : ""}`, "flush");
    });
    socket.on("close", () => {
      this.takeArrived();
      this.end(`closed by ${this.#peer}`, "now");
      owner.stats.connections--;
      owner.gone(this);
    });
  }

  get open(): boolean {
    return this.#open;
  }

  get #peer(): string {
    return hostPort(this.remoteAddress, this.remotePort);
  }

  send(message: Message): void {
    if (!this.#open) {
      this.#owner.stats.sendFailures++;
      return;
    }
    this.#owner.stats.messagesOut++;
    this.#write(message);
  }

  end(reason: string, how: Ending): void {
    if (!this.#open) return;
    this.#open = false;
    clearTimeout(this.#connectTimer);
    this.#lastActivity = performance.now();
    if (how !== "now" && !this.#connecting) this.flush();
    this.#held = "";
    if (how === "now" || this.#connecting) this.#socket.destroy();
    else if (how === "linger") this.#socket.end();
    else this.#socket.destroySoon();
    this.#owner.ended(this);
    // Later: whoever called send or close must not find the handler called inside that call.
    process.nextTick(() => this.#owner.handler.closed(this, reason));
  }

  destroy(): void {
    this.#socket.destroy();
  }

  sweep(now: number): void {
    const quiet = now - this.#lastActivity;
    const { idleSeconds, messageSeconds, admission } = this.#owner.options;
    if (!this.#open) {
      if (quiet > LINGER_MS) this.destroy();
    } else if (this.#begunAt !== undefined && now - this.#begunAt >= messageSeconds * 1000) {
      this.#owner.stats.slowClosed++;
      admission.offence(this.remoteAddress, "slow");
      const detail = `a message is not complete after ${messageSeconds} s`;
      this.#owner.handler.anomaly?.("slow-sender", `${this.transport} ${this.#peer}: ${detail}`);
      this.end(`framing error: ${detail}`, "now");
    } else if (idleSeconds > 0 && quiet >= idleSeconds * 1000 && !this.#connecting) {
      this.#owner.stats.idleClosed++;
      this.end(`idle for ${idleSeconds} s`, "flush");
    }
  }

  #awaitConnect(timeoutMs: number, dialling: Dialling): void {
    this.#connecting = true;
    const late = (): string => dialling.late?.(timeoutMs) ?? `no connection to ${this.#peer} within ${timeoutMs} ms`;
    this.#connectTimer = setTimeout(() => this.end(late(), "now"), timeoutMs).unref();
    this.#socket.once(dialling.event, () => {
      const refusal = dialling.judge?.(this);
      if (refusal !== undefined) {
        this.end(refusal, "now");
        return;
      }
      this.#connecting = false;
      clearTimeout(this.#connectTimer);
      this.#lastActivity = performance.now();
      this.flush();
    });
  }

  #write(message: Message): void {
    const { maxQueuedBytes } = this.#owner.options;
    if (this.#socket.writableLength + this.#held.length + message.length > maxQueuedBytes) {
      this.#owner.stats.queueOverflows++;
      const why = this.#connecting ? "before the connection came about" : "since it does not read";
      this.end(`${maxQueuedBytes} bytes waited for ${this.#peer} ${why}`, "now");
      return;
    }
    if (this.#held === "" && !this.#connecting) this.#owner.turn.holding(this);
    this.#held += typeof message === "string" ? message : message.toString("latin1");
  }

  flush(): void {
    if (this.#held === "") return;
    const held = this.#held;
    this.#held = "";
    this.#lastActivity = performance.now();
    this.#socket.write(held, "latin1");
  }

  #data(chunk: Buffer): void {
    if (!this.#open) return;
    this.#framing.push(chunk);
    if (this.#arrived === 0) this.#owner.turn.arrived(this);
    this.#arrived += chunk.length;
    // A peer that sends too fast is paused after what was taken in, so that must not be much.
    if (this.#arrived >= MOST_ARRIVED) this.takeArrived();
  }

  takeArrived(now = performance.now()): number {
    if (this.#arrived === 0) return 0;
    this.#arrived = 0;
    if (this.#open) this.#take(now);
    return 1;
  }

  #take(now: number): void {
    this.#lastActivity = now;
    this.#takeFrames();
    if (!this.#open) return;
    const kind = this.#framing.error;
    if (kind !== undefined) this.#framingFailed(kind);
    else {
      if (this.#framing.midMessage) this.#begunAt ??= now;
      pauseIfTooFast(this.#socket, this.remoteAddress, this.#owner, () => {
        // The wait was ours, so the time for a message begins anew.
        if (this.#begunAt !== undefined) this.#begunAt = performance.now();
      });
    }
  }

  /** Takes in what is whole, as long as the connection is open. */
  #takeFrames(): void {
    while (this.#open) {
      const frame = this.#framing.next();
      if (frame === undefined) return;
      this.#begunAt = undefined;
      if (frame === "ping") {
        this.#owner.stats.keepalives++;
        this.#write(PONG);
      } else takeIn(frame, this, this.#owner);
    }
  }

  #framingFailed(kind: FramingErrorKind): void {
    const { handler, stats, options } = this.#owner;
    stats.framingErrors[kind] = (stats.framingErrors[kind] ?? 0) + 1;
    options.admission.offence(this.remoteAddress, kind === "http" || kind === "tls" ? "other-protocol" : "not-sip");
    handler.anomaly?.("framing", `${this.transport} ${this.#peer}: ${FRAMING_ERROR_TEXT[kind]}`);
    this.end(`framing error: ${FRAMING_ERROR_TEXT[kind]}`, "flush");
  }
}
