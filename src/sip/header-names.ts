import {
  CALL_ID,
  CONTENT_LENGTH,
  CSEQ,
  FROM,
  MAX_FORWARDS,
  OTHER,
  PROXY_AUTHORIZATION,
  PROXY_REQUIRE,
  REASON,
  RECORD_ROUTE,
  RETRY_AFTER,
  ROUTE,
  TIMESTAMP,
  TO,
  VIA,
} from "../grammar/header-ids.ts";

/** The headers that a proxy looks at (RFC 3261 §16); every other header is `Other` and only passes through. */
export const Header = {
  Other: OTHER,
  Via: VIA,
  From: FROM,
  To: TO,
  CallId: CALL_ID,
  CSeq: CSEQ,
  MaxForwards: MAX_FORWARDS,
  Route: ROUTE,
  RecordRoute: RECORD_ROUTE,
  ContentLength: CONTENT_LENGTH,
  ProxyRequire: PROXY_REQUIRE,
  ProxyAuthorization: PROXY_AUTHORIZATION,
  Timestamp: TIMESTAMP,
  RetryAfter: RETRY_AFTER,
  Reason: REASON,
} as const;
export type HeaderId = (typeof Header)[keyof typeof Header];

const COMPACT: Readonly<Record<string, string>> = {
  a: "Accept-Contact",
  b: "Referred-By",
  c: "Content-Type",
  d: "Request-Disposition",
  e: "Content-Encoding",
  f: "From",
  i: "Call-ID",
  j: "Reject-Contact",
  k: "Supported",
  l: "Content-Length",
  m: "Contact",
  n: "Identity-Info",
  o: "Event",
  r: "Refer-To",
  s: "Subject",
  t: "To",
  u: "Allow-Events",
  v: "Via",
  x: "Session-Expires",
  y: "Identity",
};

/** The long form of a one-letter header name, or undefined where the letter stands for nothing known. */
export function longForm(letter: string): string | undefined {
  const lower = letter.toLowerCase();
  return Object.hasOwn(COMPACT, lower) ? COMPACT[lower] : undefined;
}
