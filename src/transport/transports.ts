import { canonicalAddress, hostPort, isWildcard, zoneOf } from "../address.ts";
import { WaypostError } from "../errors.ts";
import { type Flow, familyOf, type Listener, type Target } from "../sip/flow.ts";
import { Corks } from "./connection.ts";
import { addressOfThisMachine, explainBindError } from "./explain.ts";
import {
  DEFAULTS,
  type ListenerStats,
  type ListenSpec,
  type OpenFlow,
  type TransportHandler,
  type TransportOptions,
  type TransportPart,
} from "./part.ts";
import { RefusedFlow } from "./refused.ts";
import { bindTcpServer, TcpListener } from "./tcp.ts";
import { UdpListener } from "./udp.ts";
import { bindUdpSocket, type UdpReceiver } from "./udp-socket.ts";

/** All the sockets of a gateway: bytes in, bytes out. Sends and connects never block, never throw, never resolve a name. */
export class Transports {
  /** In the order of the specs `listen` was given. */
  readonly listeners: readonly Listener[];
  readonly #parts: ReadonlyMap<Listener, TransportPart>;
  readonly #handler: TransportHandler;
  readonly #sweepTimer: NodeJS.Timeout;

  private constructor(parts: readonly TransportPart[], handler: TransportHandler, options: Required<TransportOptions>) {
    this.listeners = parts.map((part) => part.listener);
    this.#parts = new Map(parts.map((part) => [part.listener, part]));
    this.#handler = handler;
    // One timer looks over all connections: one that is idle closes up to a quarter of its time late.
    const period = options.idleSeconds > 0 ? Math.min(5000, Math.max(20, options.idleSeconds * 250)) : 5000;
    this.#sweepTimer = setInterval(() => {
      const now = performance.now();
      for (const part of this.#parts.values()) part.sweep(now);
    }, period).unref();
  }

  /**
   * Binds every address or none. Nothing reaches the handler before the promise has resolved.
   * @throws WaypostError LISTENER_FAILED, naming address, port and cause
   */
  static async listen(
    specs: readonly ListenSpec[],
    options: TransportOptions,
    handler: TransportHandler,
  ): Promise<Transports> {
    const settings = { ...DEFAULTS, ...options };
    const corks = new Corks();
    const parts: TransportPart[] = [];
    try {
      for (const spec of specs) parts.push(await bind(spec, settings, handler, corks));
    } catch (error) {
      await Promise.all(parts.map((part) => part.close()));
      throw error;
    }
    for (const part of parts) part.start();
    return new Transports(parts, handler, settings);
  }

  /**
   * A flow to the target, from the given listener: its open connection to that address and port, else a new one.
   * When it cannot be had, `handler.closed` says why a little later.
   */
  connect(target: Target, listener: Listener): Flow {
    const part = this.#parts.get(listener);
    const address = canonicalAddress(target.address);
    const wrong =
      part === undefined
        ? "the listener is not of this gateway"
        : address === undefined
          ? "it is no IP address"
          : !(target.port > 0 && target.port < 65536)
            ? "it is no port"
            : listener.transport !== target.transport || listener.family !== familyOf(address)
              ? `a listener for ${listener.transport} over IPv${listener.family} does not reach it`
              : undefined;
    if (part === undefined || address === undefined || wrong !== undefined) {
      const where = `${target.transport} ${hostPort(target.address, target.port)}`;
      return new RefusedFlow(listener, target, `cannot send to ${where}: ${wrong}`, this.#handler);
    }
    return part.connect({ ...target, address }, zoneOf(target.address));
  }

  /** Sends one message on a flow of this object. On a connection still being set up it waits, up to `maxQueuedBytes`. */
  send(flow: Flow, bytes: Buffer): void {
    (flow as OpenFlow).send(bytes);
  }

  /** One row per listener, in the order of `listeners`; live objects. */
  stats(): readonly ListenerStats[] {
    return [...this.#parts.values()].map((part) => part.stats);
  }

  /** For a drain: no new connections are accepted. Open ones, and UDP, go on. */
  stopListening(): void {
    for (const part of this.#parts.values()) part.stopListening();
  }

  /** Ends every connection, flushing what is queued for at most `closeGraceMs`, and closes every socket. */
  async close(): Promise<void> {
    clearInterval(this.#sweepTimer);
    await Promise.all([...this.#parts.values()].map((part) => part.close()));
  }
}

async function bind(
  spec: ListenSpec,
  options: Required<TransportOptions>,
  handler: TransportHandler,
  corks: Corks,
): Promise<TransportPart> {
  const where = `${spec.transport} ${hostPort(spec.host, spec.port)}`;
  const address = canonicalAddress(spec.host);
  if (address === undefined) {
    throw new WaypostError(
      "LISTENER_FAILED",
      `cannot listen on ${where}: the host has to be an IP address, not a name`,
    );
  }
  const family = familyOf(address);
  const zone = zoneOf(spec.host);
  const describe = (port: number): Listener => ({
    transport: spec.transport,
    family,
    address,
    port,
    advertisedHost: spec.advertisedHost ?? (isWildcard(address) ? addressOfThisMachine(family) : address),
    advertisedPort: spec.advertisedPort ?? port,
  });
  try {
    if (spec.transport === "tcp") {
      const bound = await bindTcpServer(family, address + zone, spec.port);
      return new TcpListener(describe(bound.port), bound, handler, options, corks, zone);
    }
    if (spec.transport === "udp") {
      let part: UdpListener | undefined;
      const receiver: UdpReceiver = {
        datagram: (bytes, peer, port) => part?.datagram(bytes, peer, port),
        error: (reason) => part?.error(reason),
      };
      const socket = await bindUdpSocket(family, address + zone, spec.port, options.udpBufferBytes, receiver);
      part = new UdpListener(describe(socket.port), socket, handler);
      return part;
    }
  } catch (error) {
    const cause = explainBindError(error as NodeJS.ErrnoException);
    throw new WaypostError("LISTENER_FAILED", `cannot listen on ${where}: ${cause}`, { cause: error });
  }
  throw new WaypostError("LISTENER_FAILED", `cannot listen on ${where}: ${spec.transport} is not supported yet`);
}
