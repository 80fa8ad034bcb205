import { found, hold, uriKind as kindOfUri, readUri } from "../grammar/grammar.ts";
import {
  HOST_END,
  HOST_HAS_CAPITALS,
  HOST_START,
  PORT,
  URI_PARAMS_END,
  URI_PARAMS_START,
  URI_SCHEME,
  USER_END,
  USER_START,
} from "../grammar/places.ts";
import { matchesIgnoringCase } from "./chars.ts";
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

const KINDS: readonly UriKind[] = ["malformed", "sip", "sip", "other"];

/** Tells a SIP(S) URI from one of another scheme (answered 416) and from no URI at all (answered 400). */
export function uriKind(uri: string): UriKind {
  hold(uri);
  return KINDS[kindOfUri(0, uri.length)]!;
}

/** Parses a SIP or SIPS URI; undefined for any other scheme and for a malformed one. */
export function parseUri(uri: string): SipUri | undefined {
  for (let i = 0; i < uri.length; i++) if (uri.charCodeAt(i) > 0xff) return undefined;
  return parseUriIn(uri, 0, uri.length);
}

/** The same, for a URI that stands in a longer latin1 text. */
export function parseUriIn(text: string, start: number, end: number): SipUri | undefined {
  hold(text);
  return readUri(start, end) ? uriOf(text, found) : undefined;
}

/** The URI that was found in `text`, undefined where there is none. @param index with the places of places.ts */
export function uriOf(text: string, index: ArrayLike<number>): SipUri | undefined {
  const scheme = index[URI_SCHEME]!;
  if (scheme === 0) return undefined;
  const userStart = index[USER_START]!;
  const host = text.slice(index[HOST_START], index[HOST_END]);
  const port = index[PORT]!;
  return {
    secure: scheme === SIPS,
    user: userStart < 0 ? undefined : text.slice(userStart, index[USER_END]),
    host: index[HOST_HAS_CAPITALS] === 1 ? host.toLowerCase() : host,
    port: port === 0 ? undefined : port,
    params: text.slice(index[URI_PARAMS_START], index[URI_PARAMS_END]),
  };
}

const SIPS = 2;

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
