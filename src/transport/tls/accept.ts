import type { Socket } from "node:net";
import { createServer, type Server, type TLSSocket } from "node:tls";
import { hostPort, withoutZone } from "../../address.ts";
import { looksLikeTls, readClientHello } from "./client-hello.ts";
import { explainAccepted, type Failure } from "./failure.ts";
import { contextOptions, type TlsMaterial } from "./material.ts";
import { sipIdentities } from "./names.ts";
import { peerFailure } from "./peer.ts";
import type { TlsListenSettings } from "./settings.ts";

/** An accepted socket on its way through the handshake. */
interface Pending {
  readonly socket: Socket;
  readonly peer: string;
  readonly ready: (socket: TLSSocket, peerNames: readonly string[] | undefined) => void;
  readonly timer: NodeJS.Timeout;
  /** The first bytes of the client: its hello, as a rule. */
  opening: Buffer | undefined;
}

/** Told about handshakes that failed; `peer` is `address:port`. The socket is gone or goes by itself. */
export type HandshakeFailed = (peer: string, failure: Failure) => void;

/**
 * The server's side of TLS: takes accepted sockets through the handshake, one by one, and says in a sentence why one
 * failed. It is bound to no port; new certificates serve the handshakes that begin after `use`.
 */
export class TlsAcceptor {
  readonly #timeoutMs: number;
  readonly #failed: HandshakeFailed;
  readonly #pending = new Map<string, Pending>();
  #settings: TlsListenSettings;
  #material: TlsMaterial;
  #server: Server;

  constructor(settings: TlsListenSettings, material: TlsMaterial, timeoutMs: number, failed: HandshakeFailed) {
    this.#settings = settings;
    this.#material = material;
    this.#timeoutMs = timeoutMs;
    this.#failed = failed;
    this.#server = this.#newServer();
  }

  /** Handshakes that begin from now on go by these. */
  use(settings: TlsListenSettings, material: TlsMaterial): void {
    this.#settings = settings;
    this.#material = material;
    this.#server = this.#newServer();
  }

  /** @param ready called once when the handshake is done and the certificate, where one is wanted, is good */
  accept(socket: Socket, address: string, port: number, ready: Pending["ready"]): void {
    const key = peerKey(address, port);
    const timer = setTimeout(() => {
      this.#fail(key, { kind: "timeout", text: `did not finish the TLS handshake within ${this.#timeoutMs} ms` });
    }, this.#timeoutMs).unref();
    const pending: Pending = { socket, peer: hostPort(address, port), ready, timer, opening: undefined };
    this.#pending.set(key, pending);
    socket.on("error", () => undefined);
    socket.on("close", () => this.#closed(key, pending));
    // The first bytes are looked at before TLS gets them: they tell plain SIP from TLS, and what an old client offers.
    socket.once("data", (bytes) => {
      socket.pause();
      pending.opening = bytes;
      if (!looksLikeTls(bytes)) {
        this.#fail(key, { kind: "not-tls", text: `speaks ${protocolOf(bytes)} on a TLS port` });
        return;
      }
      socket.unshift(bytes);
      this.#server.emit("connection", socket);
    });
  }

  /** Ends every handshake under way. */
  close(): void {
    for (const { socket, timer } of this.#pending.values()) {
      clearTimeout(timer);
      socket.destroy();
    }
    this.#pending.clear();
  }

  #newServer(): Server {
    const { clientCert = "none", legacy = false } = this.#settings;
    const server = createServer({
      ...contextOptions(this.#material, legacy),
      requestCert: clientCert !== "none",
      // OpenSSL's verdict is judged in #secured: Node would only hang up, without a word why.
      rejectUnauthorized: false,
      handshakeTimeout: this.#timeoutMs + 1000,
    });
    server.on("secureConnection", (socket) => this.#secured(socket));
    server.on("tlsClientError", (error, socket) => {
      const key = keyOf(socket);
      const opening = key === undefined ? undefined : this.#pending.get(key)?.opening;
      if (key !== undefined && opening !== undefined) this.#fail(key, explainAccepted(error, readClientHello(opening)));
    });
    return server;
  }

  #secured(socket: TLSSocket): void {
    const key = keyOf(socket);
    const pending = key === undefined ? undefined : this.#pending.get(key);
    if (key === undefined || pending === undefined) {
      socket.destroy();
      return;
    }
    const { clientCert = "none" } = this.#settings;
    const certificate = clientCert === "none" ? undefined : socket.getPeerX509Certificate();
    const failure = clientCert === "none" ? undefined : peerFailure(socket, certificate, this.#material);
    if (failure !== undefined && clientCert === "require") {
      this.#fail(key, failure, socket);
      return;
    }
    this.#forget(key, pending);
    if (failure !== undefined && certificate !== undefined) {
      this.#failed(pending.peer, { kind: failure.kind, text: `${failure.text}; it is let in without a name` });
    }
    const proved = failure === undefined && certificate !== undefined;
    pending.ready(socket, proved ? sipIdentities(certificate) : undefined);
  }

  #closed(key: string, pending: Pending): void {
    if (this.#pending.get(key) !== pending) return;
    this.#forget(key, pending);
    // Whoever says nothing and goes is a health check, not a failed handshake.
    if (pending.opening !== undefined) {
      this.#failed(pending.peer, { kind: "closed", text: "closed the connection during the TLS handshake" });
    }
  }

  #fail(key: string, failure: Failure, secured?: TLSSocket): void {
    const pending = this.#pending.get(key);
    if (pending === undefined) return;
    this.#forget(key, pending);
    if (secured === undefined) pending.socket.destroy();
    else secured.destroySoon();
    this.#failed(pending.peer, failure);
  }

  #forget(key: string, { timer }: Pending): void {
    clearTimeout(timer);
    this.#pending.delete(key);
  }
}

function peerKey(address: string, port: number): string {
  return `${port} ${address}`;
}

function keyOf({ remoteAddress, remotePort }: TLSSocket): string | undefined {
  return remoteAddress === undefined || remotePort === undefined
    ? undefined
    : peerKey(withoutZone(remoteAddress), remotePort);
}

function protocolOf(bytes: Buffer): string {
  const text = bytes.toString("latin1", 0, 2048);
  if (/^\S+ \S+ HTTP\/1|^(GET|POST|HEAD|PUT|CONNECT) /.test(text)) return "HTTP";
  return /^\S+ \S+ SIP\/2\.0\r\n|^SIP\/2\.0 |^\r\n/.test(text) ? "plain SIP" : "something that is no TLS";
}
