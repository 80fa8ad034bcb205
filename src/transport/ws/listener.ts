import { createServer, type IncomingMessage, type Server } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { WebSocketServer } from "ws";
import { hostPort } from "../../address.ts";
import type { Target } from "../../sip/flow.ts";
import { ConnectionListener, type ListenerSetup } from "../connection-listener.ts";
import type { TlsAcceptor } from "../tls/accept.ts";
import type { Failure } from "../tls/failure.ts";
import type { TlsKeys } from "../tls/keys.ts";
import { WebSocketConnection } from "./connection.ts";

/** RFC 7118 §4: what a SIP WebSocket client has to ask for. */
const SUBPROTOCOL = "sip";

/** A socket on its way to becoming a WebSocket. */
interface Pending {
  readonly address: string;
  readonly port: number;
  readonly names: readonly string[] | undefined;
  readonly timer: NodeJS.Timeout;
}

/** SIP over WebSocket (RFC 7118), plain or on top of TLS. It serves clients and dials nobody. */
export class WsListener extends ConnectionListener {
  readonly #origins: ReadonlySet<string>;
  readonly #http: Server;
  readonly #upgrader: WebSocketServer;
  readonly #acceptor: TlsAcceptor | undefined;
  readonly #pending = new Map<Duplex, Pending>();

  /** @param origins see ListenSpec @param keys for wss */
  constructor(setup: ListenerSetup, origins: readonly string[], keys: TlsKeys | undefined) {
    super(setup);
    const { handshakeTimeoutMs, maxMessageBytes } = setup.options;
    this.#origins = new Set(origins.map((origin) => origin.toLowerCase()));
    this.#acceptor = keys?.acceptor(handshakeTimeoutMs, (peer, failure) => this.handshakeFailed(peer, failure));
    this.#upgrader = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: maxMessageBytes,
      handleProtocols: () => SUBPROTOCOL,
    });
    this.#upgrader.on("wsClientError", (error, socket) => {
      answer(socket, "400 Bad Request", "This is no WebSocket handshake.");
      this.#refuse(socket, "not-websocket", `makes a broken WebSocket handshake (${error.message})`);
    });
    // Bound to no port: it is handed the sockets whose peers we know.
    this.#http = createServer({ keepAlive: false });
    this.#http.on("upgrade", (request, socket, head) => this.#upgrade(request, socket, head));
    this.#http.on("request", (request, response) => {
      response.writeHead(426, { Connection: "close, Upgrade", Upgrade: "websocket", "Content-Type": "text/plain" });
      response.end("This is a SIP server; it speaks WebSocket with the subprotocol sip (RFC 7118).\n");
      this.#refuse(request.socket, "not-websocket", `asks for ${request.method} over plain HTTP`);
    });
    this.#http.on("clientError", (error: NodeJS.ErrnoException & { rawPacket?: Buffer }, socket) => {
      if (socket.writable) answer(socket, "400 Bad Request", "This is no WebSocket handshake.");
      if (error.rawPacket === undefined) return;
      const tls = error.rawPacket[0] === 22;
      this.#refuse(socket, "not-websocket", `speaks ${tls ? "TLS" : "something else"} where a WebSocket begins`);
    });
  }

  override stopListening(): void {
    super.stopListening();
    this.#acceptor?.close();
    for (const [socket, { timer }] of this.#pending) {
      clearTimeout(timer);
      socket.destroy();
    }
    this.#pending.clear();
  }

  protected override welcome(socket: Socket, address: string, port: number): void {
    if (this.#acceptor === undefined) this.#toHttp(socket, address, port, undefined);
    else this.#acceptor.accept(socket, address, port, (secured, names) => this.#toHttp(secured, address, port, names));
  }

  protected override dial(target: Target): string {
    const peer = hostPort(target.address, target.port);
    return `no connection to ${peer}: a WebSocket client cannot be dialled, and none is connected from there`;
  }

  #toHttp(socket: Socket, address: string, port: number, names: readonly string[] | undefined): void {
    const timer = setTimeout(() => {
      this.#refuse(
        socket,
        "timeout",
        `did not finish the WebSocket handshake within ${this.options.handshakeTimeoutMs} ms`,
      );
      socket.destroy();
    }, this.options.handshakeTimeoutMs).unref();
    this.#pending.set(socket, { address, port, names, timer });
    socket.on("error", () => undefined);
    socket.on("close", () => this.#take(socket));
    this.#http.emit("connection", socket);
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const offered = (request.headers["sec-websocket-protocol"] ?? "").split(",").map((word) => word.trim());
    const { origin } = request.headers;
    // Programs that are no browser send no Origin; the list protects the users of browsers (RFC 6455 §10.2).
    if (origin !== undefined && !this.#origins.has("*") && !this.#origins.has(origin.toLowerCase())) {
      answer(socket, "403 Forbidden", "This origin is not allowed.");
      this.#refuse(socket, "origin", `comes from a page of ${printable(origin)}, which is not in \`origins\``);
    } else if (!offered.includes(SUBPROTOCOL)) {
      answer(socket, "400 Bad Request", "The subprotocol sip is missing (RFC 7118).");
      this.#refuse(socket, "not-websocket", "does not ask for the WebSocket subprotocol sip (RFC 7118 §4)");
    } else {
      this.#upgrader.handleUpgrade(request, socket, head, (webSocket) => {
        const pending = this.#take(socket);
        if (pending === undefined) webSocket.terminate();
        else this.add(new WebSocketConnection(webSocket, this, pending));
      });
    }
  }

  /** Ends a socket's time as a pending one. */
  #take(socket: Duplex): Pending | undefined {
    const pending = this.#pending.get(socket);
    if (pending === undefined) return undefined;
    clearTimeout(pending.timer);
    this.#pending.delete(socket);
    return pending;
  }

  #refuse(socket: Duplex, kind: Failure["kind"], text: string): void {
    const pending = this.#take(socket);
    if (pending !== undefined) this.handshakeFailed(hostPort(pending.address, pending.port), { kind, text });
  }
}

/** Answers and hangs up, whether or not the peer does. */
function answer(socket: Duplex, status: string, text: string): void {
  socket.once("finish", () => socket.destroy());
  socket.end(
    `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: ${text.length}\r\n\r\n${text}`,
  );
}

/** What a peer wrote, for a log: short, and without what a terminal would obey. */
function printable(text: string): string {
  return JSON.stringify(text.slice(0, 100));
}
