import type { Server, Socket } from "node:net";
import { hostPort, isWildcard, withoutZone } from "../address.ts";
import type { Listener, Target } from "../sip/flow.ts";
import type { Connection, ConnectionOwner } from "./connection.ts";
import {
  type ListenerStats,
  newStats,
  type OpenFlow,
  type TransportHandler,
  type TransportOptions,
  type TransportPart,
} from "./part.ts";
import { RefusedFlow } from "./refused.ts";
import type { Failure, HandshakeFailure } from "./tls/failure.ts";
import type { Turn } from "./turn.ts";

/** A bound server socket, and the connections it accepted before the listener started. */
export interface BoundServer {
  readonly server: Server;
  readonly port: number;
  readonly early: Socket[];
}

/** Everything a listener for connections of any kind is made from. */
export interface ListenerSetup {
  readonly listener: Listener;
  readonly bound: BoundServer;
  readonly handler: TransportHandler;
  readonly options: Required<TransportOptions>;
  readonly turn: Turn;
  /** The zone of a link-local address with its percent sign, else "". */
  readonly zone: string;
}

/** Where and as who to dial, for `net.connect`. */
export interface DialOptions {
  readonly host: string;
  readonly port: number;
  readonly localAddress?: string;
}

/** One listener with the connections that were accepted on it and those that were dialled in its name. */
export abstract class ConnectionListener implements TransportPart, ConnectionOwner {
  readonly listener: Listener;
  readonly stats: ListenerStats;
  readonly handler: TransportHandler;
  readonly options: Required<TransportOptions>;
  readonly turn: Turn;
  readonly #bound: BoundServer;
  readonly #localAddress: string | undefined;
  /** All connections, also those that are flushing their last bytes, each with its key. */
  readonly #connections = new Map<Connection, string>();
  readonly #dialled = new Set<Connection>();
  /** The open connection for a key, whoever opened it (RFC 5923). */
  readonly #byKey = new Map<string, Connection>();
  #full = false;

  constructor({ listener, bound, handler, options, turn, zone }: ListenerSetup) {
    this.listener = listener;
    this.stats = newStats(listener);
    this.handler = handler;
    this.options = options;
    this.turn = turn;
    this.#bound = bound;
    this.#localAddress = isWildcard(listener.address) ? undefined : listener.address + zone;
    bound.server.maxConnections = options.maxConnections;
    bound.server.on("error", (error: NodeJS.ErrnoException) =>
      handler.anomaly?.("listener-error", `${this.name}: ${error.code ?? error.message}`),
    );
    bound.server.on("drop", () => this.#refuse());
  }

  /** For people: `tcp 192.0.2.1:5060`. */
  get name(): string {
    return `${this.listener.transport} ${hostPort(this.listener.address, this.listener.port)}`;
  }

  /** Takes an accepted socket through its handshake, if there is one, and calls `add` with the connection it becomes. */
  protected abstract welcome(socket: Socket, address: string, port: number): void;

  /** Dials and calls `add`; or says why not, as a whole reason. May throw what `net.connect` throws. */
  protected abstract dial(target: Target, where: DialOptions): Connection | string;

  /** The open connection that a request to `target` may use, if there is one. */
  protected reusable(target: Target): Connection | undefined {
    return this.find(peerKey(target.address, target.port));
  }

  start(): void {
    const { server, early } = this.#bound;
    server.removeAllListeners("connection");
    server.on("connection", (socket) => this.#accept(socket));
    for (const socket of early.splice(0)) this.#accept(socket);
  }

  connect(target: Target, zone: string): OpenFlow {
    const existing = this.reusable(target);
    if (existing !== undefined) return existing;
    const refused = (reason: string): OpenFlow => new RefusedFlow(this.listener, target, reason, this.handler);
    const peer = hostPort(target.address, target.port);
    if (this.#dialled.size >= this.options.maxConnections) {
      this.#refuse();
      return refused(`no connection to ${peer}: ${this.#dialled.size} are open`);
    }
    const where = {
      host: target.address + zone,
      port: target.port,
      ...(this.#localAddress === undefined ? {} : { localAddress: this.#localAddress }),
    };
    let dialled: Connection | string;
    try {
      dialled = this.dial(target, where);
    } catch (error) {
      dialled = `no connection to ${peer}: ${(error as Error).message}`;
    }
    if (typeof dialled === "string") return refused(dialled);
    this.stats.dialled++;
    this.#dialled.add(dialled);
    return dialled;
  }

  sweep(now: number): void {
    for (const connection of this.#connections.keys()) connection.sweep(now);
  }

  stopAccepting(): void {
    if (this.#bound.server.listening) this.#bound.server.close();
  }

  stopListening(): void {
    this.stopAccepting();
    for (const socket of this.#bound.early.splice(0)) socket.destroy();
  }

  hangUp(): void {
    for (const connection of this.#connections.keys()) connection.end("the gateway is closing", "linger");
  }

  async close(): Promise<void> {
    this.stopListening();
    this.hangUp();
    const deadline = setTimeout(() => {
      for (const connection of this.#connections.keys()) connection.destroy();
    }, this.options.closeGraceMs);
    await new Promise<void>((resolve) => {
      this.#whenEmpty = resolve;
      if (this.#connections.size === 0) resolve();
    });
    clearTimeout(deadline);
  }

  #whenEmpty: () => void = () => undefined;

  ended(connection: Connection): void {
    const key = this.#connections.get(connection);
    if (key !== undefined && this.#byKey.get(key) === connection) this.#byKey.delete(key);
  }

  gone(connection: Connection): void {
    this.#connections.delete(connection);
    this.#dialled.delete(connection);
    if (this.#connections.size === 0) this.#whenEmpty();
  }

  /** @param key what `find` finds it by while it is open */
  protected add<T extends Connection>(
    connection: T,
    key = peerKey(connection.remoteAddress, connection.remotePort),
  ): T {
    this.#connections.set(connection, key);
    this.#byKey.set(key, connection);
    return connection;
  }

  protected countFailure(kind: HandshakeFailure): void {
    this.stats.handshakeFailures[kind] = (this.stats.handshakeFailures[kind] ?? 0) + 1;
  }

  /** Counts and tells that an accepted socket did not get through its handshake. @param peer as `address:port` */
  protected handshakeFailed(peer: string, { kind, text }: Failure): void {
    this.countFailure(kind);
    const address = peer.slice(0, peer.lastIndexOf(":")).replace(/^\[|\]$/g, "");
    if (kind === "not-tls" || kind === "not-websocket") this.options.admission.offence(address, "not-sip");
    else if (kind === "timeout") this.options.admission.offence(address, "slow");
    this.handler.anomaly?.("handshake", `${this.name}: ${peer} ${text}`);
  }

  protected find(key: string): Connection | undefined {
    return this.#byKey.get(key);
  }

  #accept(socket: Socket): void {
    const { remoteAddress, remotePort } = socket;
    if (remoteAddress === undefined || remotePort === undefined) {
      // Gone before we came to look.
      socket.destroy();
      return;
    }
    this.#full = false;
    const address = withoutZone(remoteAddress);
    const { admission } = this.options;
    const unwelcome = admission.connection(address);
    if (unwelcome !== undefined) {
      socket.destroy();
      this.stats.turnedAway++;
      this.handler.anomaly?.("turned-away", `${this.name}: ${hostPort(address, remotePort)} ${unwelcome}`);
      return;
    }
    socket.once("close", () => admission.connectionClosed(address));
    this.stats.accepted++;
    this.welcome(socket, address, remotePort);
  }

  #refuse(): void {
    this.stats.refused++;
    if (this.#full) return;
    this.#full = true;
    const detail = `${this.name} has as many connections as it may (${this.options.maxConnections})`;
    setImmediate(() => this.handler.anomaly?.("connections-full", detail));
  }
}

/** What a connection is found by: its peer's address and port. */
export function peerKey(address: string, port: number): string {
  return `${port} ${address}`;
}
