import { canonicalAddress, zoneOf } from "../address.ts";
import { familyOf, type Listener, type Target, type TransportName } from "../sip/flow.ts";

/** What of a SIP URI decides where a request goes (RFC 3263 §4). */
export interface LocateQuery {
  /** `maddr` or host of the URI: a name or an IP literal, with or without brackets. */
  readonly host: string;
  readonly port?: number | undefined;
  /** The URI's `transport` parameter; one we never heard of makes the URI unreachable. */
  readonly transport?: TransportName | undefined;
  /** True for a `sips:` URI. */
  readonly secure: boolean;
}

/** Where to try, in order, or why nowhere, as a sentence for people. `targets` is never empty. */
export type LocateResult =
  | { readonly ok: true; readonly targets: readonly Target[] }
  | { readonly ok: false; readonly reason: string };

/** A way out: what a listener can send. */
export type WayOut = Pick<Listener, "transport" | "family">;

/** A query that needs the addresses of a name. */
export interface AddressPlan {
  readonly name: string;
  readonly transport: TransportName;
  readonly port: number;
}

/** Without a `transport` parameter the first of these that we have is taken (RFC 3263 §4.1: UDP, then what is left). */
const PREFERENCE: readonly TransportName[] = ["udp", "tcp", "tls"];
const SECURED: Readonly<Record<TransportName, TransportName | undefined>> = {
  udp: undefined,
  tcp: "tls",
  tls: "tls",
  ws: "wss",
  wss: "wss",
};
/** RFC 3263 §4.2, RFC 7118 §5. */
const DEFAULT_PORT: Readonly<Record<TransportName, number>> = { udp: 5060, tcp: 5060, tls: 5061, ws: 80, wss: 443 };

/** Lower case, without the dot of the root. */
export function canonicalName(host: string): string {
  const name = host.toLowerCase();
  return name.endsWith(".") ? name.slice(0, -1) : name;
}

/**
 * Settles what needs no lookup: the transport, the port, and numeric hosts with their whole result.
 * NAPTR and SRV (RFC 3263 §4.1, §4.2) are further plans beside AddressPlan.
 */
export function plan(query: LocateQuery, waysOut: readonly WayOut[]): LocateResult | AddressPlan {
  const transport = chooseTransport(query, waysOut);
  if (transport === undefined) {
    const wanted = query.transport ?? (query.secure ? "tls" : "udp, tcp or tls");
    const scheme = query.secure ? "sips:" : "sip:";
    return { ok: false, reason: `no listener for ${scheme} over ${wanted}, so ${query.host} cannot be reached` };
  }
  const port = query.port ?? DEFAULT_PORT[transport];
  const address = canonicalAddress(query.host);
  if (address === undefined) return { name: canonicalName(query.host), transport, port };
  return reachable([address], { name: address, transport, port }, waysOut, zoneOf(query.host));
}

/** The targets for a name's addresses: those of a family we can send to, in the order given. */
export function reachable(
  addresses: readonly string[],
  { name, transport, port }: AddressPlan,
  waysOut: readonly WayOut[],
  zone = "",
): LocateResult {
  const targets: Target[] = [];
  for (const address of addresses) {
    const family = familyOf(address);
    if (waysOut.some((way) => way.transport === transport && way.family === family)) {
      targets.push({ transport, address: address + zone, port, host: name });
    }
  }
  if (targets.length > 0) return { ok: true, targets };
  return { ok: false, reason: `no ${transport} listener reaches an address of ${name} (${addresses.join(", ")})` };
}

function chooseTransport(query: LocateQuery, waysOut: readonly WayOut[]): TransportName | undefined {
  const has = (transport: TransportName | undefined): boolean => waysOut.some((way) => way.transport === transport);
  if (query.transport !== undefined) {
    const transport = query.secure ? SECURED[query.transport] : query.transport;
    return has(transport) ? transport : undefined;
  }
  if (query.secure) return has("tls") ? "tls" : undefined;
  return PREFERENCE.find(has);
}
