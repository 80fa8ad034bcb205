import { decimalAt, findByte, holdsAt, isDigit, matchesIgnoringCase, skipHost, skipToken } from "./chars.ts";
import type { TransportName } from "./flow.ts";
import { octets } from "./octets.ts";

const COLON = 0x3a;
const QUESTION_MARK = 0x3f;

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
export function uriKind(bytes: Uint8Array, start: number, end: number): UriKind {
  const colon = skipToken(bytes, start, end);
  if (colon === start || colon === end || bytes[colon] !== COLON) return "malformed";
  const length = colon - start;
  return (length === 3 && holdsAt(bytes, start, "sip")) || (length === 4 && holdsAt(bytes, start, "sips"))
    ? "sip"
    : "other";
}

/** Parses a SIP or SIPS URI; undefined for any other scheme and for a malformed one. */
export function parseUri(uri: string): SipUri | undefined {
  for (let i = 0; i < uri.length; i++) if (uri.charCodeAt(i) > 0xff) return undefined;
  return readUri(uri, octets(uri), 0, uri.length);
}

/**
 * The same, for a URI that stands in a longer text.
 * @param bytes the same as `text`
 */
export function readUri(text: string, bytes: Uint8Array, start: number, end: number): SipUri | undefined {
  if (uriKind(bytes, start, end) !== "sip") return undefined;
  const secure = bytes[start + 3] !== COLON;
  let i = start + (secure ? 5 : 4);
  // The user part may hold `;` and `?` (§25.1), so the `@` is looked for before them.
  const at = findByte(bytes, 0x40, i, end);
  let user: string | undefined;
  if (at >= 0) {
    const password = findByte(bytes, COLON, i, at);
    user = text.slice(i, password >= 0 ? password : at);
    if (user.length === 0) return undefined;
    i = at + 1;
  }
  let hostStart = i;
  let hostEnd: number;
  if (bytes[i] === 0x5b) {
    hostEnd = findByte(bytes, 0x5d, ++hostStart, end);
    i = hostEnd + 1;
  } else i = hostEnd = skipHost(bytes, hostStart, end);
  if (hostEnd <= hostStart) return undefined;
  let port: number | undefined;
  if (i < end && bytes[i] === COLON) {
    const portStart = ++i;
    while (i < end && isDigit(bytes[i]!)) i++;
    port = decimalAt(bytes, portStart, i, 65535);
    if (port <= 0) return undefined;
  }
  if (i < end && bytes[i] !== 0x3b && bytes[i] !== QUESTION_MARK) return undefined;
  const headers = findByte(bytes, QUESTION_MARK, i, end);
  const isRooted = bytes[hostEnd - 1] === 0x2e;
  return {
    secure,
    user,
    host: text.slice(hostStart, isRooted ? hostEnd - 1 : hostEnd).toLowerCase(),
    port,
    params: i === end ? "" : text.slice(i, headers < 0 ? end : headers),
  };
}

/** URIs remembered; beyond it all are forgotten. */
const MAX_REMEMBERED = 1000;
const REMEMBERED = new Map<string, SipUri>();

/** The same as parseUri, quicker where the same few texts come again and again, such as the pools of a table. */
export function rememberedUri(uri: string): SipUri | undefined {
  const known = REMEMBERED.get(uri);
  if (known !== undefined) return known;
  if (REMEMBERED.size >= MAX_REMEMBERED) REMEMBERED.clear();
  const parsed = parseUri(uri);
  if (parsed !== undefined) REMEMBERED.set(uri, parsed);
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
