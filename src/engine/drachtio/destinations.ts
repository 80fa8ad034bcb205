import type { ResolveConfig } from "../../config/config.ts";
import type { ProxyDecision } from "../../sip/decision.ts";
import { bracketed, parseUri } from "../../sip/uri.ts";

/** What the servers take for their own: they put the destination into Request-URIs for these, and leave all others. */
export interface OwnPlaces {
  /** `dns-names` and addresses, as they are spelled there: the server compares letter by letter. */
  readonly hosts: ReadonlySet<string>;
  readonly ports: ReadonlySet<number>;
}

/** Where a call is sent, in order; or why a drachtio-server cannot send it as the routing wants. */
export type Destinations =
  | { readonly ok: true; readonly uris: readonly string[] }
  | { readonly ok: false; readonly reason: string };

/**
 * The destinations for drachtio-server's proxy. It writes a destination into the Request-URI where that is one of its
 * own places, and else only sends to it; so the routing's wish decides which of the two has to be the case.
 * @param dialled the Request-URI as it came
 */
export function destinationsOf(
  decision: ProxyDecision,
  dialled: string,
  own: OwnPlaces,
  hosts: ResolveConfig["hosts"],
): Destinations {
  const replaces = isOwn(dialled, own);
  const { requestUri, nextHops } = decision;
  if (replaces !== (requestUri !== undefined)) {
    const does = replaces ? "puts the pool into" : "does not change";
    const wants = replaces ? "to stay" : "to become that of the pool";
    return { ok: false, reason: `drachtio-server ${does} this Request-URI, which is ${wants}` };
  }
  const uris =
    requestUri === undefined
      ? nextHops.flatMap((hop) => resolved(hop, hosts))
      : withUser(userPart(requestUri), nextHops);
  // The control protocol can quote nothing, and `sips:` comes out of the library as `sip:sips:`.
  const bad = uris.find((uri) => !uri.startsWith("sip:") || /[|\s<>]/.test(uri));
  if (bad !== undefined) return { ok: false, reason: `drachtio-server takes no destination such as ${bad}` };
  return { ok: true, uris };
}

function isOwn(uri: string, { hosts, ports }: OwnPlaces): boolean {
  const parsed = parseUri(uri);
  return parsed !== undefined && hosts.has(hostAsWritten(uri)) && ports.has(parsed.port ?? 5060);
}

/** What stands in `resolve.hosts` is known here alone, so its addresses are sent. */
function resolved(nextHop: string, hosts: ResolveConfig["hosts"]): readonly string[] {
  const uri = parseUri(nextHop);
  const targets = uri === undefined ? undefined : hosts.get(uri.host);
  if (targets === undefined) return [nextHop];
  return targets.map(({ address, port, transport }) => `sip:${bracketed(address)}:${port};transport=${transport}`);
}

function withUser(user: string, nextHops: readonly string[]): readonly string[] {
  return nextHops.map((hop) => `sip:${user}${hop.slice("sip:".length)}`);
}

/** `user@` of a URI that the routing made. */
function userPart(uri: string): string {
  return uri.slice("sip:".length, uri.indexOf("@") + 1);
}

/** The host of a SIP URI, its case and brackets kept. */
function hostAsWritten(uri: string): string {
  const start = Math.max(uri.indexOf("@"), uri.indexOf(":")) + 1;
  const rest = uri.slice(start);
  const end = rest.startsWith("[") ? rest.indexOf("]") + 1 : rest.search(/[:;?]|$/);
  return rest.slice(0, end);
}
