import { connect, createServer, type Server, type Socket } from "node:net";
import { hostPort, isWildcard, withoutZone } from "../address.ts";
import type { Listener, Target } from "../sip/flow.ts";
import { type ConnectionOwner, type Corks, StreamConnection } from "./connection.ts";
import {
  type ListenerStats,
  newStats,
  type OpenFlow,
  type TransportHandler,
  type TransportOptions,
  type TransportPart,
} from "./part.ts";
import { RefusedFlow } from "./refused.ts";

/** A bound server socket, and the connections it accepted before the listener started. */
export interface BoundServer {
  readonly server: Server;
  readonly port: number;
  readonly early: Socket[];
}

/** Binds and listens. Rejects with the system's error. @param address IP literal, with its zone if it has one */
export async function bindTcpServer(family: 4 | 6, address: string, port: number): Promise<BoundServer> {
  const server = createServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: 60_000 });
  const early: Socket[] = [];
  server.on("connection", (socket) => early.push(socket.on("error", () => undefined)));
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host: address, port, ipv6Only: family === 6, exclusive: true }, () => {
      server.off("error", reject);
      resolve();
    });
  });
  return { server, port: (server.address() as { port: number }).port, early };
}

/** One TCP listener with the connections that were accepted on it and those that were dialled in its name. */
export class TcpListener implements TransportPart, ConnectionOwner {
  readonly listener: Listener;
  readonly stats: ListenerStats;
  readonly handler: TransportHandler;
  readonly options: Required<TransportOptions>;
  readonly corks: Corks;
  readonly #bound: BoundServer;
  readonly #localAddress: string | undefined;
  /** All sockets, also those that are flushing their last bytes. */
  readonly #connections = new Set<StreamConnection>();
  readonly #dialled = new Set<StreamConnection>();
  /** The open connection to a peer's address and port, whoever opened it (RFC 5923). */
  readonly #byPeer = new Map<string, StreamConnection>();
  #full = false;

  constructor(
    listener: Listener,
    bound: BoundServer,
    handler: TransportHandler,
    options: Required<TransportOptions>,
    corks: Corks,
    zone: string,
  ) {
    this.listener = listener;
    this.stats = newStats(listener);
    this.handler = handler;
    this.options = options;
    this.corks = corks;
    this.#bound = bound;
    this.#localAddress = isWildcard(listener.address) ? undefined : listener.address + zone;
    bound.server.maxConnections = options.maxConnections;
    bound.server.on("error", (error: NodeJS.ErrnoException) =>
      handler.anomaly?.("listener-error", `tcp ${this.#name}: ${error.code ?? error.message}`),
    );
    bound.server.on("drop", () => this.#refuse());
  }

  get #name(): string {
    return hostPort(this.listener.address, this.listener.port);
  }

  start(): void {
    const { server, early } = this.#bound;
    server.removeAllListeners("connection");
    server.on("connection", (socket) => this.#accept(socket));
    for (const socket of early.splice(0)) this.#accept(socket);
  }

  connect(target: Target, zone: string): OpenFlow {
    const existing = this.#byPeer.get(peerKey(target.address, target.port));
    if (existing !== undefined) return existing;
    const peer = hostPort(target.address, target.port);
    if (this.#dialled.size >= this.options.maxConnections) {
      this.#refuse();
      return new RefusedFlow(
        this.listener,
        target,
        `no connection to ${peer}: ${this.#dialled.size} are open`,
        this.handler,
      );
    }
    let socket: Socket;
    try {
      socket = connect({
        host: target.address + zone,
        port: target.port,
        ...(this.#localAddress === undefined ? {} : { localAddress: this.#localAddress }),
        noDelay: true,
        keepAlive: true,
        keepAliveInitialDelay: 60_000,
      });
    } catch (error) {
      return new RefusedFlow(
        this.listener,
        target,
        `no connection to ${peer}: ${(error as Error).message}`,
        this.handler,
      );
    }
    this.stats.dialled++;
    const connection = this.#add(socket, target.address, target.port, true);
    this.#dialled.add(connection);
    return connection;
  }

  sweep(now: number): void {
    for (const connection of this.#connections) connection.sweep(now);
  }

  stopListening(): void {
    if (this.#bound.server.listening) this.#bound.server.close();
    for (const socket of this.#bound.early.splice(0)) socket.destroy();
  }

  async close(): Promise<void> {
    this.stopListening();
    for (const connection of this.#connections) connection.end("the gateway is closing", "flush");
    const deadline = setTimeout(() => {
      for (const connection of this.#connections) connection.destroy();
    }, this.options.closeGraceMs);
    await new Promise<void>((resolve) => {
      this.#whenEmpty = resolve;
      if (this.#connections.size === 0) resolve();
    });
    clearTimeout(deadline);
  }

  #whenEmpty: () => void = () => undefined;

  ended(connection: StreamConnection): void {
    const key = peerKey(connection.remoteAddress, connection.remotePort);
    if (this.#byPeer.get(key) === connection) this.#byPeer.delete(key);
  }

  gone(connection: StreamConnection): void {
    this.#connections.delete(connection);
    this.#dialled.delete(connection);
    if (this.#connections.size === 0) this.#whenEmpty();
  }

  #accept(socket: Socket): void {
    const { remoteAddress, remotePort } = socket;
    if (remoteAddress === undefined || remotePort === undefined) {
      // Gone before we came to look.
      socket.destroy();
      return;
    }
    this.#full = false;
    this.stats.accepted++;
    this.#add(socket, withoutZone(remoteAddress), remotePort, false);
  }

  #add(socket: Socket, address: string, port: number, connecting: boolean): StreamConnection {
    const connection = new StreamConnection(socket, this, address, port, connecting);
    this.#connections.add(connection);
    this.#byPeer.set(peerKey(address, port), connection);
    return connection;
  }

  #refuse(): void {
    this.stats.refused++;
    if (this.#full) return;
    this.#full = true;
    const detail = `tcp ${this.#name} has as many connections as it may (${this.options.maxConnections})`;
    setImmediate(() => this.handler.anomaly?.("connections-full", detail));
  }
}

function peerKey(address: string, port: number): string {
  return `${port} ${address}`;
}
