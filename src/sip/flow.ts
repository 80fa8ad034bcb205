/** The transports of RFC 3261 §18 and RFC 7118, as their URI parameter spells them. */
export type TransportName = "udp" | "tcp" | "tls" | "ws" | "wss";

/** An address we listen on, and the name under which others are told to reach it. */
export interface Listener {
  readonly transport: TransportName;
  readonly family: 4 | 6;
  /** The bound address, an IP literal without brackets; may be the wildcard `0.0.0.0` or `::`. */
  readonly address: string;
  readonly port: number;
  /** The host that Via, Record-Route and "is this Route mine" use: an FQDN or an IP literal without brackets. */
  readonly advertisedHost: string;
  readonly advertisedPort: number;
  /**
   * The name, without a port, that stands in Record-Route in the place of the advertised host and port: several gateways
   * share it, and SRV records lead to all of them (RFC 3263 §4.2).
   */
  readonly recordRoute?: string;
}

/** One resolved place to send a request to (RFC 3263's result): a transport, an IP literal and a port. */
export interface Target {
  readonly transport: TransportName;
  /** IP literal without brackets. */
  readonly address: string;
  readonly port: number;
  /** The name that was resolved, for certificates and for people. */
  readonly host: string;
}

/**
 * A path to one peer (RFC 5626): a connection, or for UDP our socket and the peer's address and port.
 * The transport layer makes flows; the SIP core only compares and hands them back.
 */
export interface Flow {
  readonly listener: Listener;
  readonly transport: TransportName;
  /** IP literal without brackets. */
  readonly remoteAddress: string;
  readonly remotePort: number;
  /** False once bytes can no longer be sent on it. A connection that is still being set up counts as open. */
  readonly open: boolean;
  /**
   * The host names that the peer has proved with its certificate (RFC 5922 §7.1), in lower case. Undefined where it
   * showed none that was checked.
   */
  readonly peerNames?: readonly string[] | undefined;
  /** For the SIP core alone: the client transaction whose request was the last to go out on it, of those that are left. */
  lastSent?: unknown;
}

/** True where the transport itself delivers or reports failure (RFC 3261 §17): everything but UDP. */
export function isReliable(transport: TransportName): boolean {
  return transport !== "udp";
}

/** 4 or 6, by the look of an IP literal without brackets. */
export function familyOf(address: string): 4 | 6 {
  return address.includes(":") ? 6 : 4;
}
