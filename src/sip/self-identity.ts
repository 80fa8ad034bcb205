import { type Flow, familyOf, type Listener, type Target, type TransportName } from "./flow.ts";
import { sameSpelling } from "./ipv6.ts";
import { bracketed, parseUri, type SipUri, uriTransport } from "./uri.ts";

/** What is written of a listener again and again. */
interface ListenerTexts {
  readonly sentBy: string;
  /** A Via value up to its branch. */
  readonly viaStart: string;
  /** A Record-Route URI from its host to its `lr`. */
  readonly routeEnd: string;
}

/** A Route URI of ours. */
export interface OwnRoute {
  /** Which it names, where it names one. */
  readonly listener: Listener | undefined;
  readonly user: string | undefined;
}

/** As Via spells them (§20.42, RFC 7118 §5.3). */
const VIA_NAMES: Readonly<Record<TransportName, string>> = {
  udp: "UDP",
  tcp: "TCP",
  tls: "TLS",
  ws: "WS",
  wss: "WSS",
};

/**
 * Who we are, from the listeners' advertised names. Via, Record-Route, "is this Route mine" and the loop guard all ask
 * this one object, so that they cannot disagree.
 */
export class SelfIdentity {
  readonly listeners: readonly Listener[];
  /** By host, in the spelling that is compared. */
  private readonly ports = new Map<string, Set<number>>();
  private readonly names = new Set<string>();
  /** Each listener with its advertised host in the spelling that is compared. */
  private readonly advertised: (readonly [Listener, string])[] = [];
  private readonly texts = new Map<Listener, ListenerTexts>();

  /** @throws RangeError when there is no listener */
  constructor(listeners: readonly Listener[]) {
    if (listeners.length === 0) throw new RangeError("a SIP element needs at least one listener");
    this.listeners = listeners;
    for (const listener of listeners) {
      const host = listener.advertisedHost.toLowerCase();
      this.addPort(sameSpelling(host), listener.advertisedPort);
      this.addPort(sameSpelling(listener.address), listener.port);
      if (!isIpLiteral(host)) this.names.add(host);
      this.advertised.push([listener, sameSpelling(host)]);
      if (listener.recordRoute !== undefined) {
        const shared = listener.recordRoute.toLowerCase();
        this.names.add(shared);
        this.advertised.push([listener, shared]);
      }
      const sentBy = `${bracketed(listener.advertisedHost)}:${listener.advertisedPort}`;
      const routeEnd = `${listener.recordRoute ?? sentBy};transport=${listener.transport};lr`;
      this.texts.set(listener, { sentBy, viaStart: viaUpToBranch(listener.transport, sentBy), routeEnd });
    }
  }

  /** The name that a Warning carries (§20.43). */
  get name(): string {
    return this.listeners[0]!.advertisedHost;
  }

  /** True when a URI's host and port are ours. A name without port is ours too: SRV may have led here. */
  isSelf(uri: SipUri): boolean {
    if (uri.port === undefined && this.names.has(uri.host)) return true;
    const ports = this.ports.get(sameSpelling(uri.host));
    if (ports === undefined) return false;
    if (uri.port !== undefined) return ports.has(uri.port);
    const transport = uriTransport(uri);
    return ports.has(uri.secure || transport === "tls" || transport === "wss" ? 5061 : 5060);
  }

  /** True when a Via's sent-by is ours. */
  isOwnSentBy(host: string, port: number | undefined): boolean {
    return this.ports.get(sameSpelling(host.toLowerCase()))?.has(port ?? 5060) === true;
  }

  /** The listener that a Record-Route URI of ours names, or undefined. */
  listenerNamed(uri: SipUri): Listener | undefined {
    const transport = uriTransport(uri);
    const host = sameSpelling(uri.host);
    for (const [listener, own] of this.advertised) {
      if (
        own === host &&
        (uri.port === undefined || listener.advertisedPort === uri.port) &&
        (transport === undefined || listener.transport === transport)
      )
        return listener;
    }
    return undefined;
  }

  /**
   * What the Route URI in `[start, end)` of a text says, where it is one of ours just as `routeUri` writes it: the most
   * come back so, and are told by a look.
   */
  writtenRoute(text: string, start: number, end: number): OwnRoute | undefined {
    if (!text.startsWith("sip:", start)) return undefined;
    const userStart = start + 4;
    const at = text.indexOf("@", userStart);
    const hasUser = at >= 0 && at < end;
    const hostStart = hasUser ? at + 1 : userStart;
    for (const [listener, { routeEnd }] of this.texts) {
      if (!text.startsWith(routeEnd, hostStart)) continue;
      const behind = hostStart + routeEnd.length;
      if (behind !== end && (behind > end || text[behind] !== ";")) continue;
      const user = hasUser ? text.slice(userStart, at) : undefined;
      // Neither a password nor an empty user is of ours.
      return user === "" || user?.includes(":") ? undefined : { listener, user };
    }
    return undefined;
  }

  /** `host:port` for the sent-by of a Via. */
  sentBy(listener: Listener): string {
    return this.texts.get(listener)!.sentBy;
  }

  /**
   * Our Via value for a request that leaves by `listener` (§16.6 step 8).
   * @param transport that of the target; not the listener's own where none of ours fits, see `listenerFor`
   */
  viaValue(listener: Listener, transport: TransportName, branch: string): string {
    const texts = this.texts.get(listener)!;
    const start = transport === listener.transport ? texts.viaStart : viaUpToBranch(transport, texts.sentBy);
    return transport === "udp" ? `${start}${branch};rport` : start + branch;
  }

  /**
   * The Record-Route or Path value, in angle brackets, always a loose router (§16.6 step 4).
   * @param user empty, or ends with `@`
   * @param secure true where the request goes to a `sips:` URI
   * @param parameters more of the URI, each with its semicolon
   */
  routeUri(listener: Listener, user: string, secure: boolean, parameters = ""): string {
    return `${secure ? "<sips:" : "<sip:"}${user}${this.texts.get(listener)!.routeEnd}${parameters}>`;
  }

  /** True when `routeUri` names both alike. */
  sameRoute(one: Listener, other: Listener): boolean {
    return one === other || this.routeUri(one, "", false) === this.routeUri(other, "", false);
  }

  /**
   * The listener in whose name a request goes to `target`: the preferred one, else the one that the request came in
   * on, else the first that fits transport and family. Where none fits, we have no address of that kind to be called
   * back at, and the way in stands for us.
   */
  listenerFor(target: Target, inbound: Flow, preferred: Listener | undefined): Listener {
    const family = familyOf(target.address);
    if (preferred !== undefined && fits(preferred, target.transport, family)) return preferred;
    if (fits(inbound.listener, target.transport, family)) return inbound.listener;
    return this.listeners.find((l) => fits(l, target.transport, family)) ?? inbound.listener;
  }

  /** True when a listener of ours can send to `target`. */
  reaches(target: Target): boolean {
    const family = familyOf(target.address);
    return this.listeners.some((l) => fits(l, target.transport, family));
  }

  /** The listener for a request of our own to `target`, or undefined where none fits transport and family. */
  listenerTo(target: Target): Listener | undefined {
    const family = familyOf(target.address);
    return this.listeners.find((l) => fits(l, target.transport, family));
  }

  private addPort(host: string, port: number): void {
    const ports = this.ports.get(host);
    if (ports === undefined) this.ports.set(host, new Set([port]));
    else ports.add(port);
  }

  /** True when `uri` is a SIP URI of ours. */
  isSelfText(uri: string): boolean {
    const parsed = parseUri(uri);
    return parsed !== undefined && this.isSelf(parsed);
  }
}

function fits(listener: Listener, transport: TransportName, family: 4 | 6): boolean {
  return listener.transport === transport && listener.family === family;
}

function isIpLiteral(host: string): boolean {
  if (host.includes(":")) return true;
  const last = host.charCodeAt(host.length - 1);
  return last >= 0x30 && last <= 0x39;
}

function viaUpToBranch(transport: TransportName, sentBy: string): string {
  return `SIP/2.0/${VIA_NAMES[transport]} ${sentBy};branch=`;
}
