import type { TransportName } from "../sip/flow.ts";
import type { NaptrRecord } from "./records.ts";

/** A transport that RFC 3263 finds by records. ws and wss have NAPTR services too, but a pool is never reached by them. */
export type ServiceTransport = "tls" | "tcp" | "udp";

/**
 * Where the SRV records of a transport stand, the first one that exists counts. `_sipinternaltls` is Lync's name for
 * its servers inside the company; it stands behind the name of RFC 3263 §4.1.
 */
export const SRV_SERVICES: Readonly<Record<ServiceTransport, readonly string[]>> = {
  tls: ["_sips._tcp", "_sipinternaltls._tcp"],
  tcp: ["_sip._tcp"],
  udp: ["_sip._udp"],
};

/** RFC 3263 §4.1. A `sip:` URI may be served by SIPS+D2T as well. */
const NAPTR_SERVICES: Readonly<Record<string, ServiceTransport>> = {
  "SIPS+D2T": "tls",
  "SIP+D2T": "tcp",
  "SIP+D2U": "udp",
};

/** RFC 3263 §4.2, RFC 7118 §5. */
export const DEFAULT_PORT: Readonly<Record<TransportName, number>> = {
  udp: 5060,
  tcp: 5060,
  tls: 5061,
  ws: 80,
  wss: 443,
};

/** What a `sips:` URI makes of its transport parameter (RFC 3261 §26.2.2). */
export const SECURED: Readonly<Record<TransportName, TransportName | undefined>> = {
  udp: undefined,
  tcp: "tls",
  tls: "tls",
  ws: "wss",
  wss: "wss",
};

/** What a NAPTR record that we can follow leads to. */
export interface NaptrStep {
  readonly transport: ServiceTransport;
  /** `s`: to SRV records of this name; `a`: to its addresses (RFC 3404 §4.3). */
  readonly flag: "s" | "a";
  readonly name: string;
}

/** The records that lead to SIP by a transport we have, best first (RFC 3263 §4.1, RFC 3403 §4.1). */
export function naptrSteps(
  records: readonly NaptrRecord[],
  has: (transport: ServiceTransport) => boolean,
): readonly NaptrStep[] {
  const sorted = [...records].sort((a, b) => a.order - b.order || a.preference - b.preference);
  return sorted.flatMap(({ service, flags, regexp, replacement }) => {
    const transport = NAPTR_SERVICES[service.toUpperCase()];
    const flag = flags.toLowerCase();
    const usable = (flag === "s" || flag === "a") && regexp === "" && replacement !== "";
    return usable && transport !== undefined && has(transport) ? [{ transport, flag, name: replacement }] : [];
  });
}
