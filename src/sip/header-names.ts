/** The headers that a proxy looks at (RFC 3261 §16); every other header is `Other` and only passes through. */
export const Header = {
  Other: 0,
  Via: 1,
  From: 2,
  To: 3,
  CallId: 4,
  CSeq: 5,
  MaxForwards: 6,
  Route: 7,
  RecordRoute: 8,
  ContentLength: 9,
  ProxyRequire: 10,
  ProxyAuthorization: 11,
  Timestamp: 12,
  RetryAfter: 13,
  Reason: 14,
} as const;
export type HeaderId = (typeof Header)[keyof typeof Header];
/** One more than the largest id. */
export const HEADER_IDS: number = Math.max(...Object.values(Header)) + 1;

const KNOWN: readonly (readonly [string, HeaderId])[] = [
  ["via", Header.Via],
  ["from", Header.From],
  ["to", Header.To],
  ["call-id", Header.CallId],
  ["cseq", Header.CSeq],
  ["max-forwards", Header.MaxForwards],
  ["route", Header.Route],
  ["record-route", Header.RecordRoute],
  ["content-length", Header.ContentLength],
  ["proxy-require", Header.ProxyRequire],
  ["proxy-authorization", Header.ProxyAuthorization],
  ["timestamp", Header.Timestamp],
  ["retry-after", Header.RetryAfter],
  ["reason", Header.Reason],
];

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
const COMPACT_IDS: Readonly<Record<string, HeaderId>> = {
  v: Header.Via,
  f: Header.From,
  t: Header.To,
  i: Header.CallId,
  l: Header.ContentLength,
};

// Candidates by length and first letter: at most two names share a place, so a header costs one or two comparisons.
const LONGEST = Math.max(...KNOWN.map(([name]) => name.length));
const FIRST_AT = new Uint8Array((LONGEST + 1) * 32);
const SECOND_AT = new Uint8Array(FIRST_AT.length);
const NAMES: Uint8Array[] = [];
for (const [name, id] of KNOWN) {
  const place = name.length * 32 + (name.charCodeAt(0) & 31);
  (FIRST_AT[place] === Header.Other ? FIRST_AT : SECOND_AT)[place] = id;
  NAMES[id] = Buffer.from(name, "latin1");
}
const COMPACT_AT = new Uint8Array(256);
for (const [letter, id] of Object.entries(COMPACT_IDS)) COMPACT_AT[letter.charCodeAt(0)] = id;

/** Which header the name `bytes[start, end)` is, long or compact (§7.3.3), in any case. The name is a token. */
export function headerId(bytes: Uint8Array, start: number, end: number): HeaderId {
  const length = end - start;
  if (length > LONGEST) return Header.Other;
  if (length === 1) return COMPACT_AT[bytes[start]! | 0x20] as HeaderId;
  const place = length * 32 + (bytes[start]! & 31);
  const first = FIRST_AT[place] as HeaderId;
  if (first === Header.Other || isName(NAMES[first]!, bytes, start)) return first;
  const second = SECOND_AT[place] as HeaderId;
  return second === Header.Other || isName(NAMES[second]!, bytes, start) ? second : Header.Other;
}

function isName(name: Uint8Array, bytes: Uint8Array, start: number): boolean {
  // Of the characters of a token only letters have another case, and a hyphen has that bit already.
  for (let i = 0; i < name.length; i++) if ((bytes[start + i]! | 0x20) !== name[i]) return false;
  return true;
}

/** The long form of a one-letter header name, or undefined where the letter stands for nothing known. */
export function longForm(letter: string): string | undefined {
  const lower = letter.toLowerCase();
  return Object.hasOwn(COMPACT, lower) ? COMPACT[lower] : undefined;
}
