import { canonicalAddress, hostPort, zoneOf } from "../address.ts";
import { type Flow, familyOf, type Listener, type Target } from "../sip/flow.ts";
import { type BindContext, bindPart } from "./bind.ts";
import {
  DEFAULTS,
  type ListenerStats,
  type ListenSpec,
  type Message,
  type OpenFlow,
  type TransportHandler,
  type TransportOptions,
  type TransportPart,
} from "./part.ts";
import { RefusedFlow } from "./refused.ts";
import { type Expiry, expiries, expiryText } from "./tls/expiry.ts";
import type { TlsKeys } from "./tls/keys.ts";
import type { TlsOutboundSettings } from "./tls/settings.ts";
import { Turn } from "./turn.ts";
import { UdpFlow, UdpListener } from "./udp/listener.ts";

const DAY_MS = 86_400_000;
/** Addresses whose last connection is remembered; when there are more, all are forgotten. */
const MOST_RECENT = 1000;

/** What was asked of `connect`, and the flow that it gave. */
interface Recent {
  readonly target: Target;
  readonly listener: Listener;
  readonly flow: Flow;
}

/** All the sockets of a gateway: bytes in, bytes out. Sends and connects never block, never throw, never resolve a name. */
export class Transports {
  /** In the order of the specs `listen` was given. */
  readonly listeners: readonly Listener[];
  readonly #parts: ReadonlyMap<Listener, TransportPart>;
  readonly #turn: Turn;
  readonly #handler: TransportHandler;
  readonly #sweepTimer: NodeJS.Timeout;
  /** Of the listeners that have some. */
  readonly #keys: ReadonlyMap<Listener, TlsKeys>;
  readonly #expiryTimer: NodeJS.Timeout;
  /** By the address as it was given. Most requests go to few addresses, and these need no second look. */
  readonly #recent = new Map<string, Recent>();
  /** The same for datagrams. Only the last one: anybody may make us answer to addresses without number. */
  #recentDatagram: Recent | undefined;
  /** What has been warned of today. */
  readonly #warned = new Set<string>();

  private constructor(
    parts: readonly TransportPart[],
    keys: ReadonlyMap<Listener, TlsKeys>,
    turn: Turn,
    handler: TransportHandler,
    options: Required<TransportOptions>,
  ) {
    this.#keys = keys;
    this.#turn = turn;
    this.listeners = parts.map((part) => part.listener);
    this.#parts = new Map(parts.map((part) => [part.listener, part]));
    this.#handler = handler;
    // One timer looks over all connections: one that is idle closes up to a quarter of its time late.
    const period = options.idleSeconds > 0 ? Math.min(5000, Math.max(20, options.idleSeconds * 250)) : 5000;
    this.#sweepTimer = setInterval(() => {
      const now = performance.now();
      for (const part of this.#parts.values()) part.sweep(now);
    }, period).unref();
    this.#expiryTimer = setInterval(() => {
      this.#warned.clear();
      this.#warnOfExpiry();
    }, DAY_MS).unref();
    setImmediate(() => this.#warnOfExpiry());
  }

  /**
   * Binds every address or none. Nothing reaches the handler before `start`.
   * @throws WaypostError LISTENER_FAILED, naming address, port and cause; CERTIFICATE_INVALID, naming the file
   */
  static async listen(
    specs: readonly ListenSpec[],
    options: TransportOptions,
    handler: TransportHandler,
  ): Promise<Transports> {
    const settings = { ...DEFAULTS, ...options };
    let transports: Transports | undefined;
    const replaced = (): void => {
      if (transports !== undefined) transports.#warnOfExpiry();
    };
    const turn = new Turn(handler, () => transports?.flushDatagrams(), settings.moderation);
    const context: BindContext = { options: settings, handler, turn, keys: new Map(), replaced };
    const parts: TransportPart[] = [];
    try {
      for (const spec of specs) parts.push(await bindPart(spec, context));
    } catch (error) {
      for (const keys of context.keys.values()) keys.close();
      await Promise.all(parts.map((part) => part.close()));
      throw error;
    }
    transports = new Transports(parts, context.keys, turn, handler, settings);
    return transports;
  }

  /** From now on the handler gets what arrives, first what came since the addresses were bound. */
  start(): void {
    this.#turn.start();
    for (const part of this.#parts.values()) part.start();
  }

  /**
   * A flow to the target, from the given listener: its open connection to that address and port, else a new one. Over
   * UDP it is a new one each time, so that what cannot be sent is the failure of one request.
   * When it cannot be had, `handler.closed` says why a little later.
   */
  connect(target: Target, listener: Listener): Flow {
    const recent = target.transport === "udp" ? this.#recentDatagram : this.#recent.get(target.address);
    if (recent?.listener === listener && recent.flow.open && isSame(recent.target, target)) {
      return recent.flow instanceof UdpFlow ? recent.flow.another() : recent.flow;
    }
    const flow = this.#connect(target, listener);
    if (target.transport === "udp") this.#recentDatagram = { target, listener, flow };
    else {
      if (this.#recent.size >= MOST_RECENT) this.#recent.clear();
      this.#recent.set(target.address, { target, listener, flow });
    }
    return flow;
  }

  #connect(target: Target, listener: Listener): Flow {
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
  send(flow: Flow, message: Message): void {
    (flow as OpenFlow).send(message);
  }

  /** One row per listener, in the order of `listeners`; live objects. */
  stats(): readonly ListenerStats[] {
    return [...this.#parts.values()].map((part) => part.stats);
  }

  /**
   * Reads certificates, keys, CAs and revocation lists again, at once; a changed file is seen without it, within a
   * second or two. What is bad is refused with an anomaly and the old goes on; open connections are not touched.
   * @param changed other TLS settings, as for `listen`: listeners are told apart by transport, host and port, and
   * those that are not among them keep their own
   * @throws WaypostError CERTIFICATE_INVALID when the changed settings name files that cannot serve; the old ones go on
   */
  async reloadCertificates(changed?: { specs: readonly ListenSpec[]; tls: TlsOutboundSettings }): Promise<void> {
    this.#warned.clear();
    for (const [listener, keys] of this.#keys) {
      const spec = changed?.specs.find((candidate) => isSpecOf(candidate, listener));
      if (changed !== undefined && spec?.tls !== undefined) await keys.change(spec.tls, changed.tls);
      await keys.reload();
    }
    this.#warnOfExpiry();
  }

  /** When the certificates and revocation lists in use end, soonest first, each file's once. */
  expiries(now = Date.now()): Expiry[] {
    const all = [...this.#keys.values()]
      .flatMap((keys) => keys.materials)
      .flatMap((material) => expiries(material, now));
    const once = new Map(all.map((expiry) => [`${expiry.file} ${expiry.what} ${expiry.end.getTime()}`, expiry]));
    return [...once.values()].sort((a, b) => a.end.getTime() - b.end.getTime());
  }

  #warnOfExpiry(): void {
    for (const expiry of this.expiries()) {
      const text = expiryText(expiry);
      if (!expiry.soon || this.#warned.has(text)) continue;
      this.#warned.add(text);
      this.#handler.anomaly?.("certificate-expires", text);
    }
  }

  /**
   * Whether datagrams are read: those that are not stay in the kernel, for whichever process that shares the sockets
   * reads them. Read from the start, except where several processes share them through node:cluster.
   */
  readDatagrams(on: boolean): void {
    for (const part of this.#parts.values()) if (part instanceof UdpListener) part.read(on);
  }

  /** Hands datagrams to the kernel that would go out at the end of this turn of the event loop: what comes next is behind them. */
  flushDatagrams(): void {
    for (const part of this.#parts.values()) if (part instanceof UdpListener) part.flush();
  }

  /** Leaves new connections to another process. Those that are open, or in a handshake, and UDP, go on. */
  stopAccepting(): void {
    for (const part of this.#parts.values()) part.stopAccepting();
  }

  /** For a drain: no new connections are accepted. Open ones, and UDP, go on. */
  stopListening(): void {
    for (const part of this.#parts.values()) part.stopListening();
  }

  /** Ends every connection after what was sent on it; what comes over one is not looked at any more. UDP goes on. */
  hangUp(): void {
    for (const part of this.#parts.values()) part.hangUp();
  }

  /** Ends every connection, flushing what is queued for at most `closeGraceMs`, and closes every socket. */
  async close(): Promise<void> {
    clearInterval(this.#sweepTimer);
    clearInterval(this.#expiryTimer);
    for (const keys of this.#keys.values()) keys.close();
    await Promise.all([...this.#parts.values()].map((part) => part.close()));
  }
}

function isSame(one: Target, other: Target): boolean {
  return (
    one.port === other.port &&
    one.address === other.address &&
    one.transport === other.transport &&
    one.host === other.host
  );
}

function isSpecOf({ transport, host, port }: ListenSpec, listener: Listener): boolean {
  const samePort = port === listener.port || port === 0;
  return transport === listener.transport && canonicalAddress(host) === listener.address && samePort;
}
