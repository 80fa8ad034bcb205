import type { Target } from "../flow.ts";
import { uriParam } from "../uri.ts";
import type { RouteInformation } from "./routes.ts";

/**
 * RFC 3261 §18.1.1: a request that may not fit into one packet goes over a transport with congestion control. Where the
 * path MTU is not known, this many bytes over UDP are the most.
 */
export const MAX_UDP_REQUEST_BYTES = 1300;

/** The parameter of our Record-Route URI on a side where the operator wants UDP and nothing else. */
export const UDP_ONLY = "udp-only";

/** The same server over TCP. */
export function overTcp(target: Target): Target {
  return { ...target, transport: "tcp" };
}

/** True when the dialog whose route set is followed was set up with {@link UDP_ONLY} on the side by which it leaves. */
export function leavesOverUdpOnly({ arrived, routes, throughUs }: RouteInformation): boolean {
  if (!throughUs) return false;
  const ours = arrived[arrived.length - routes.length - 1];
  return ours?.sip !== undefined && uriParam(ours.sip, UDP_ONLY) !== undefined;
}
