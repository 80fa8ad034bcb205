import { isHostChar, isTokenChar, matchesIgnoringCase, parseDecimal } from "./chars.ts";
import type { TransportName } from "./flow.ts";

/** A SIP or SIPS URI (RFC 3261 §19.1), taken apart as far as routing needs. Escapes stay as written. */
export interface SipUri {
  readonly secure: boolean;
  /** As written, without password; undefined where the URI has no `@`. */
  readonly user: string | undefined;
  /** Lower case, without brackets and without a trailing dot. */
  readonly host: string;
  readonly port: number | undefined;
  /** From the first `;` on, headers cut off; the empty string where there are none. */
  readonly params: string;
}

/** What a Request-URI or Route may be: a SIP URI, one of another scheme, or not a URI at all. */
export type UriKind = "sip" | "other" | "malformed";

/** Tells a SIP(S) URI from one of another scheme (answered 416) and from no URI at all (answered 400). */
export function uriKind(uri: string): UriKind {
  const colon = uri.indexOf(":");
  if (colon < 1) return "malformed";
  for (let i = 0; i < colon; i++) if (!isTokenChar(uri.charCodeAt(i))) return "malformed";
  if (colon > 4) return "other";
  const secure = colon === 4 && matchesIgnoringCase(uri, 0, "sips");
  return secure || (colon === 3 && matchesIgnoringCase(uri, 0, "sip")) ? "sip" : "other";
}

/** Parses a SIP or SIPS URI; undefined for any other scheme and for a malformed one. */
export function parseUri(uri: string): SipUri | undefined {
  if (uriKind(uri) !== "sip") return undefined;
  const colon = uri.indexOf(":");
  // The user part may hold `;` and `?` (§25.1), so the `@` is looked for before them.
  const at = uri.indexOf("@", colon);
  let user: string | undefined;
  let i = colon + 1;
  if (at >= 0) {
    const password = uri.indexOf(":", i);
    user = uri.slice(i, password >= 0 && password < at ? password : at);
    if (user.length === 0) return undefined;
    i = at + 1;
  }
  const hostStart = i;
  let host: string;
  if (uri.charCodeAt(i) === 0x5b) {
    const close = uri.indexOf("]", i);
    if (close < 0) return undefined;
    host = uri.slice(i + 1, close);
    i = close + 1;
  } else {
    while (i < uri.length && isHostChar(uri.charCodeAt(i))) i++;
    host = uri.slice(hostStart, i);
  }
  if (host.length === 0) return undefined;
  let port: number | undefined;
  if (uri.charCodeAt(i) === 0x3a) {
    const portStart = ++i;
    while (i < uri.length && uri.charCodeAt(i) >= 0x30 && uri.charCodeAt(i) <= 0x39) i++;
    port = parseDecimal(uri, portStart, i, 65535);
    if (port <= 0) return undefined;
  }
  const rest = uri.charCodeAt(i);
  if (i < uri.length && rest !== 0x3b && rest !== 0x3f) return undefined;
  const headers = uri.indexOf("?", i);
  host = host.toLowerCase();
  return {
    secure: colon === 4,
    user,
    host: host.endsWith(".") ? host.slice(0, -1) : host,
    port,
    params: uri.slice(i, headers < 0 ? uri.length : headers),
  };
}

/** URIs remembered; beyond it all are forgotten. */
const MAX_REMEMBERED = 1000;
const REMEMBERED = new Map<string, SipUri | undefined>();

/** The same as parseUri, quicker where the same few texts come again and again, such as the pools of a table. */
export function rememberedUri(uri: string): SipUri | undefined {
  const known = REMEMBERED.get(uri);
  if (known !== undefined) return known;
  if (REMEMBERED.size >= MAX_REMEMBERED) REMEMBERED.clear();
  const parsed = parseUri(uri);
  REMEMBERED.set(uri, parsed);
  return parsed;
}

/** The value of URI parameter `lower` in any case: "" for a flag, undefined where it is absent. */
export function uriParam({ params }: SipUri, lower: string): string | undefined {
  for (let start = 1; start < params.length; ) {
    const semicolon = params.indexOf(";", start);
    const end = semicolon < 0 ? params.length : semicolon;
    const behind = start + lower.length;
    if (behind <= end && matchesIgnoringCase(params, start, lower)) {
      if (behind === end) return "";
      if (params.charCodeAt(behind) === 0x3d) return params.slice(behind + 1, end);
    }
    start = end + 1;
  }
  return undefined;
}

/** The URI's `transport` parameter, when it names one that we know. */
export function uriTransport(uri: SipUri): TransportName | undefined {
  const value = uriParam(uri, "transport")?.toLowerCase();
  return value === "udp" || value === "tcp" || value === "tls" || value === "ws" || value === "wss" ? value : undefined;
}

/** An IP literal or name as it stands in a URI or Via: IPv6 in brackets. */
export function bracketed(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}
