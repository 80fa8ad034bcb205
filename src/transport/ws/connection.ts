import { isUtf8 } from "node:buffer";
import type { RawData, WebSocket } from "ws";
import { hostPort } from "../../address.ts";
import type { Listener, TransportName } from "../../sip/flow.ts";
import { type Connection, type ConnectionOwner, type Ending, LINGER_MS } from "../connection.ts";
import { pauseIfTooFast, takeIn } from "../intake.ts";
import { asBytes, type Message } from "../part.ts";

const PING = Buffer.from("\r\n\r\n", "latin1");
const PONG = Buffer.from("\r\n", "latin1");
/** RFC 6455 §7.4.1: the endpoint goes away. */
const GOING_AWAY = 1001;
/** How often a client is pinged in vain before it counts as gone. */
const MISSED_PINGS = 2;

/** One WebSocket with a client (RFC 7118): each frame is one SIP message. */
export class WebSocketConnection implements Connection {
  readonly listener: Listener;
  readonly transport: TransportName;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly peerNames: readonly string[] | undefined;
  readonly #socket: WebSocket;
  readonly #owner: ConnectionOwner;
  #open = true;
  /** The last SIP message or CRLF in either direction. */
  #lastActivity = performance.now();
  /** The last of anything the client sent, pongs included. */
  #lastHeard = performance.now();
  #lastPing = 0;
  /** Pings since then. */
  #unheard = 0;

  constructor(
    socket: WebSocket,
    owner: ConnectionOwner,
    peer: { readonly address: string; readonly port: number; readonly names: readonly string[] | undefined },
  ) {
    this.#socket = socket;
    this.#owner = owner;
    this.listener = owner.listener;
    this.transport = owner.listener.transport;
    this.remoteAddress = peer.address;
    this.remotePort = peer.port;
    this.peerNames = peer.names;
    owner.stats.connections++;
    socket.on("message", (data) => this.#message(data));
    socket.on("pong", () => this.#heard(performance.now()));
    socket.on("error", (error: NodeJS.ErrnoException) => this.#failed(error));
    socket.on("close", (code) => {
      this.end(`closed by ${this.#peer} (WebSocket code ${code})`, "now");
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
    this.#write(asBytes(message));
  }

  end(reason: string, how: Ending): void {
    if (!this.#open) return;
    this.#open = false;
    this.#lastActivity = performance.now();
    if (how === "now") this.#socket.terminate();
    else this.#socket.close(GOING_AWAY);
    this.#owner.ended(this);
    // Later: whoever called send or close must not find the handler called inside that call.
    process.nextTick(() => this.#owner.handler.closed(this, reason));
  }

  destroy(): void {
    this.#socket.terminate();
  }

  sweep(now: number): void {
    const quiet = now - this.#lastActivity;
    const { idleSeconds, pingSeconds } = this.#owner.options;
    if (!this.#open) {
      if (quiet > LINGER_MS) this.destroy();
      return;
    }
    if (idleSeconds > 0 && quiet >= idleSeconds * 1000) {
      this.#owner.stats.idleClosed++;
      this.end(`idle for ${idleSeconds} s`, "flush");
      return;
    }
    if (now - Math.max(this.#lastHeard, this.#lastPing) < pingSeconds * 1000) return;
    // By number, not by time: after a moment in which we did nothing, everybody seems to have been silent.
    if (this.#unheard === MISSED_PINGS) this.end(`${this.#peer} does not answer pings`, "now");
    else {
      this.#lastPing = now;
      this.#unheard++;
      this.#socket.ping();
    }
  }

  #heard(now: number): void {
    this.#lastHeard = now;
    this.#unheard = 0;
  }

  #write(bytes: Buffer): void {
    const { maxQueuedBytes } = this.#owner.options;
    if (this.#socket.bufferedAmount + bytes.length > maxQueuedBytes) {
      this.#owner.stats.queueOverflows++;
      this.end(`${maxQueuedBytes} bytes waited for ${this.#peer} since it does not read`, "now");
      return;
    }
    this.#lastActivity = performance.now();
    // RFC 6455 §5.6: a text frame is UTF-8, or the client has to hang up.
    this.#socket.send(bytes, { binary: !isUtf8(bytes) });
  }

  #message(data: RawData): void {
    if (!this.#open) return;
    const bytes = data as Buffer;
    this.#lastActivity = performance.now();
    this.#heard(this.#lastActivity);
    const { stats } = this.#owner;
    // RFC 5626 §3.5.1 over WebSocket (RFC 7118 §6): a double CRLF wants a CRLF back; a CRLF alone is such an answer.
    if (bytes.equals(PING)) {
      stats.keepalives++;
      this.#write(PONG);
    } else if (bytes.length > 0 && !bytes.equals(PONG)) takeIn(bytes, this, this.#owner);
    if (this.#open) pauseIfTooFast(this.#socket, this.remoteAddress, this.#owner, () => undefined);
  }

  #failed(error: NodeJS.ErrnoException): void {
    const { handler, stats, options } = this.#owner;
    if (error.code?.startsWith("WS_ERR_")) options.admission.offence(this.remoteAddress, "not-sip");
    if (error.code === "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH") {
      stats.framingErrors["message-too-long"] = (stats.framingErrors["message-too-long"] ?? 0) + 1;
      handler.anomaly?.("framing", `${this.transport} ${this.#peer}: the message is too long`);
      this.end("framing error: the message is too long", "flush");
    } else if (error.code?.startsWith("WS_ERR_")) {
      handler.anomaly?.("framing", `${this.transport} ${this.#peer}: ${error.message}`);
      this.end(`framing error: ${error.message}`, "flush");
    } else {
      this.end(`connection reset by ${this.#peer} (${error.code ?? error.message})`, "now");
    }
  }
}
