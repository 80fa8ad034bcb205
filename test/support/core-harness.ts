import type { CoreLimits } from "../../src/sip/capacity.ts";
import { SipCore } from "../../src/sip/core.ts";
import type { Decision, ProxyDecision, RoutingRequest } from "../../src/sip/decision.ts";
import type { CoreEvent } from "../../src/sip/event.ts";
import { type Flow, familyOf, type Listener, type Target, type TransportName } from "../../src/sip/flow.ts";
import type { AddressOutcome, CoreHost, LocateQuery, LocateResult } from "../../src/sip/host.ts";
import type { TimerValues } from "../../src/sip/timer-values.ts";
import { Message, sip } from "./sip-text.ts";

export { Message, sip };

export const GATEWAY = "198.51.100.1";
export const GATEWAY_V6 = "2001:db8::1";

/** A listener of the gateway; `port` is both the bound and the advertised one. */
export function listener(
  transport: TransportName,
  address = GATEWAY,
  port = 5060,
  advertisedHost = "gw.contoso.com",
): Listener {
  return { transport, family: familyOf(address), address, port, advertisedHost, advertisedPort: port };
}

/** A decision for a legacy address: the URIs in order, the Request-URI kept. */
export function proxyTo(...nextHops: string[]): ProxyDecision {
  return { kind: "proxy", nextHops, endpoint: "sip:ocschat@contoso.com" };
}

/** The decision of a gateway that passes on what is not for a legacy address. */
export function defaultRoute(...nextHops: string[]): ProxyDecision {
  return { kind: "proxy", nextHops };
}

export interface HarnessOptions {
  readonly listeners?: readonly Listener[];
  readonly decide?: Decision | ((request: RoutingRequest, source: Flow) => Decision);
  /** What names resolve to, as `transport:address:port`; IP literals resolve to themselves. */
  readonly names?: Readonly<Record<string, readonly string[]>>;
  /** Leave every look-up open until `answerLocate`. */
  readonly locateLater?: boolean;
  readonly limits?: Partial<CoreLimits>;
  readonly timers?: Partial<TimerValues>;
  readonly maxUdpRequestBytes?: number;
  /** Keys for the tokens in our Record-Routes; none = no tokens. */
  readonly routeKeys?: readonly (readonly [number, number])[];
}

interface OpenQuery {
  readonly id: number;
  readonly query: LocateQuery;
}

/**
 * The SIP core on a virtual clock and a network of peers. Text that a peer sends arrives at the core at once; text that
 * the core sends waits at the peer until the test looks at it.
 */
export class CoreHarness implements CoreHost {
  readonly core: SipCore;
  readonly events: CoreEvent[] = [];
  /** Requests that routing was asked about. */
  readonly decisions: RoutingRequest[] = [];
  /** All that the core wanted located. */
  readonly located: LocateQuery[] = [];
  /** What the core told of the addresses that it tried. */
  readonly outcomes: { readonly address: string; readonly outcome: AddressOutcome }[] = [];
  /** Flows that the core asked for and that did not exist before. */
  readonly dialled: Peer[] = [];
  now = 1_000_000;
  private readonly options: HarnessOptions;
  private readonly listeners: readonly Listener[];
  private readonly peers: Peer[] = [];
  private readonly openQueries: OpenQuery[] = [];

  constructor(options: HarnessOptions = {}) {
    this.options = options;
    this.listeners = options.listeners ?? [listener("udp"), listener("tcp")];
    this.core = new SipCore(this, {
      listeners: this.listeners,
      key: [0x5eed, 0xcafe],
      ...(options.timers === undefined ? {} : { timers: options.timers }),
      ...(options.limits === undefined ? {} : { limits: options.limits }),
      ...(options.maxUdpRequestBytes === undefined ? {} : { maxUdpRequestBytes: options.maxUdpRequestBytes }),
      ...(options.routeKeys === undefined ? {} : { routeKeys: options.routeKeys }),
    });
  }

  /** The peer at a UDP address; the same arguments give the same peer. */
  udp(address: string, port = 5060): Peer {
    return this.peer("udp", address, port);
  }

  /** A TCP connection with a peer, from its `port`. Made by the peer, unless the core has one there already. */
  tcp(address: string, port: number): Peer {
    return this.peer("tcp", address, port);
  }

  /** Lets time pass and fires every timer at its own due time. */
  advance(ms: number): void {
    const end = this.now + ms;
    for (let due = this.core.nextDue; due <= end; due = this.core.nextDue) {
      this.now = Math.max(this.now, due);
      this.core.tick(this.now);
    }
    this.now = end;
  }

  /** Answers the oldest open look-up of `host`. */
  answerLocate(host: string, ...targets: string[]): void {
    this.resolve(host, { ok: true, targets: targets.map((target) => parseTarget(target, host)) });
  }

  /** Fails the oldest open look-up of `host`. */
  failLocate(host: string, reason = "no such name"): void {
    this.resolve(host, { ok: false, reason });
  }

  /** Messages that went out to anybody and were not yet looked at. */
  get unheard(): Message[] {
    return this.peers.flatMap((peer) => peer.inbox);
  }

  /** Forgets all that was sent so far and was not looked at. */
  clear(): void {
    for (const peer of this.peers) peer.inbox.length = 0;
  }

  send(flow: Flow, text: string): void {
    const peer = this.peers.find((p) => p.flow === flow);
    if (peer === undefined) throw new Error("the core sends on a flow that nobody gave it");
    if (!flow.open) throw new Error("the core sends on a closed flow");
    peer.inbox.push(new Message(Buffer.from(text, "latin1"), this.now));
  }

  connect(target: Target, from: Listener): Flow {
    const known = this.find(target.transport, target.address, target.port, from);
    if (known !== undefined) return known.flow;
    const peer = this.add(target.transport, target.address, target.port, from);
    this.dialled.push(peer);
    return peer.flow;
  }

  inOrder(targets: readonly Target[]): readonly Target[] {
    return targets;
  }

  reached(target: Target, outcome: AddressOutcome): void {
    this.outcomes.push({ address: target.address, outcome });
  }

  locate(queryId: number, query: LocateQuery): LocateResult | undefined {
    this.located.push(query);
    if (this.options.locateLater) {
      this.openQueries.push({ id: queryId, query });
      return undefined;
    }
    const names = this.options.names?.[query.host];
    if (names !== undefined) return { ok: true, targets: names.map((text) => parseTarget(text, query.host)) };
    if (!/^[\d.]+$|:/.test(query.host)) return { ok: false, reason: `${query.host} does not resolve` };
    const { transport = "udp", port = 5060, host } = query;
    return { ok: true, targets: [{ transport, address: host, port, host }] };
  }

  decide(request: RoutingRequest, source: Flow): Decision {
    this.decisions.push(request);
    const { decide = proxyTo("sip:10.2.0.1") } = this.options;
    return typeof decide === "function" ? decide(request, source) : decide;
  }

  hears(): boolean {
    return true;
  }

  event(event: CoreEvent): void {
    this.events.push(event);
  }

  /** The peer at an address, over any transport that the gateway listens on. */
  peer(transport: TransportName, address: string, port: number): Peer {
    const at = this.listeners.find((l) => l.transport === transport && l.family === familyOf(address));
    if (at === undefined) throw new Error(`no ${transport} listener for ${address}`);
    return this.find(transport, address, port, at) ?? this.add(transport, address, port, at);
  }

  private find(transport: TransportName, address: string, port: number, at: Listener): Peer | undefined {
    return this.peers.find(
      ({ flow }) =>
        flow.open &&
        flow.listener === at &&
        flow.transport === transport &&
        flow.remoteAddress === address &&
        flow.remotePort === port,
    );
  }

  private add(transport: TransportName, remoteAddress: string, remotePort: number, at: Listener): Peer {
    const peer = new Peer(this, { listener: at, transport, remoteAddress, remotePort, open: true });
    this.peers.push(peer);
    return peer;
  }

  private resolve(host: string, result: LocateResult): void {
    const at = this.openQueries.findIndex(({ query }) => query.host === host);
    const [open] = at < 0 ? [] : this.openQueries.splice(at, 1);
    if (open === undefined) throw new Error(`no look-up of ${host} is open`);
    this.core.resolved(open.id, result, this.now);
  }
}

/** Someone on the network: a flow, what it says and what it hears. */
export class Peer {
  readonly flow: Flow & { open: boolean };
  /** What arrived here and was not yet looked at, oldest first. */
  readonly inbox: Message[] = [];
  private readonly net: CoreHarness;

  constructor(net: CoreHarness, flow: Flow & { open: boolean }) {
    this.net = net;
    this.flow = flow;
  }

  /** This text arrives at the gateway, as one datagram or one framed message. */
  says(text: string | Buffer): void {
    this.net.core.receive(typeof text === "string" ? Buffer.from(text, "latin1") : text, this.flow, this.net.now);
  }

  /** Answers `request`, which this peer heard, by the rules of a server (RFC 3261 §8.2.6). */
  answers(request: Message, status: string, options: { toTag?: string; headers?: string; body?: string } = {}): void {
    this.says(request.reply(status, options));
  }

  /** The oldest message that arrived here. @throws when there is none */
  hears(): Message {
    const message = this.inbox.shift();
    if (message === undefined) throw new Error(`nothing left for ${this.name}; ${this.others()}`);
    return message;
  }

  /** The flow breaks, and the core is told. */
  breaks(reason = "connection reset"): void {
    this.flow.open = false;
    this.net.core.flowClosed(this.flow, reason, this.net.now);
  }

  /** A datagram could not be delivered (ICMP), or a connection was refused. */
  refuses(): void {
    if (this.flow.transport !== "udp") this.flow.open = false;
    this.net.core.flowClosed(this.flow, "connection refused", this.net.now);
  }

  private get name(): string {
    return `${this.flow.transport} ${this.flow.remoteAddress}:${this.flow.remotePort}`;
  }

  private others(): string {
    const elsewhere = this.net.unheard.map((message) => message.startLine);
    return elsewhere.length === 0 ? "nobody has unread messages" : `elsewhere: ${elsewhere.join(" | ")}`;
  }
}

/** `tcp:192.0.2.1:5060` or `udp:[2001:db8::2]:5060`. */
function parseTarget(text: string, host: string): Target {
  const parts = /^(\w+):\[?(.*?)\]?:(\d+)$/.exec(text);
  if (parts === null) throw new Error(`${text} is no target`);
  return { transport: parts[1] as TransportName, address: parts[2]!, port: Number(parts[3]), host };
}
