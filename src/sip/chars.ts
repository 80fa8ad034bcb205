// Character classes of RFC 3261 §25.1 as one table, so that scanning costs one array read per character. Messages are
// scanned as bytes, since to read a character of a text takes a few times as long.

const TOKEN = 1;
const HOST = 2;
const LWS = 4;
/** Ends an unquoted parameter value. */
const DELIMITER = 8;

const CLASS = new Uint8Array(256);
for (let c = 0x30; c <= 0x39; c++) CLASS[c] = TOKEN | HOST;
for (let c = 0x41; c <= 0x5a; c++) CLASS[c] = CLASS[c + 0x20] = TOKEN | HOST;
for (const c of "-.!%*_+`'~") CLASS[c.charCodeAt(0)]! |= TOKEN;
for (const c of "-._") CLASS[c.charCodeAt(0)]! |= HOST;
for (const c of " \t\r\n") CLASS[c.charCodeAt(0)]! |= LWS | DELIMITER;
for (const c of ';,"') CLASS[c.charCodeAt(0)]! |= DELIMITER;

export function isTokenChar(code: number): boolean {
  return code < 256 && (CLASS[code]! & TOKEN) !== 0;
}

export function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

/** Space, tab, or the CR and LF of a folded line (a head holds CR and LF nowhere else inside a header). */
export function isLws(code: number): boolean {
  return code < 256 && (CLASS[code]! & LWS) !== 0;
}

/** First position from `i` on, at most `end`, that is not linear white space. */
export function skipLws(bytes: Uint8Array, i: number, end: number): number {
  while (i < end && (CLASS[bytes[i]!]! & LWS) !== 0) i++;
  return i;
}

/** First position from `i` on, at most `end`, that is no token character. */
export function skipToken(bytes: Uint8Array, i: number, end: number): number {
  while (i < end && (CLASS[bytes[i]!]! & TOKEN) !== 0) i++;
  return i;
}

/** First position from `i` on, at most `end`, that is no character of a host name; the underscore is one, which Windows names carry. */
export function skipHost(bytes: Uint8Array, i: number, end: number): number {
  while (i < end && (CLASS[bytes[i]!]! & HOST) !== 0) i++;
  return i;
}

/** First position from `i` on, at most `end`, where an unquoted value ends: white space, `;`, `,` or a quote. */
export function skipValue(bytes: Uint8Array, i: number, end: number): number {
  while (i < end && (CLASS[bytes[i]!]! & DELIMITER) === 0) i++;
  return i;
}

/**
 * Position behind the quoted string that opens at `i` (§25.1), or -1 when it is not closed before `end`.
 */
export function skipQuoted(bytes: Uint8Array, i: number, end: number): number {
  for (i++; i < end; i++) {
    const c = bytes[i]!;
    if (c === 0x22) return i + 1;
    if (c === 0x5c) i++;
  }
  return -1;
}

/** First position from `i` on, before `end`, of this byte; -1 where it is not there. */
export function findByte(bytes: Uint8Array, byte: number, i: number, end: number): number {
  while (i < end && bytes[i] !== byte) i++;
  return i < end ? i : -1;
}

/** Like parseDecimal, in bytes. */
export function decimalAt(bytes: Uint8Array, start: number, end: number, max: number): number {
  if (start >= end) return -1;
  let n = 0;
  for (let i = start; i < end; i++) {
    const c = bytes[i]!;
    if (!isDigit(c)) return -1;
    n = n * 10 + (c - 0x30);
    if (n > max) return -1;
  }
  return n;
}

/** Like matchesIgnoringCase, in bytes. */
export function holdsAt(bytes: Uint8Array, at: number, lower: string): boolean {
  for (let i = 0; i < lower.length; i++) {
    const c = bytes[at + i]!;
    const want = lower.charCodeAt(i);
    if (c !== want && (c < 0x41 || c > 0x5a || c + 0x20 !== want)) return false;
  }
  return true;
}

/**
 * An unsigned decimal number written with digits only: no sign, fraction or exponent.
 * @returns the number, or -1 when it is empty, malformed or above `max`
 */
export function parseDecimal(s: string, start: number, end: number, max: number): number {
  if (start >= end) return -1;
  let n = 0;
  for (let i = start; i < end; i++) {
    const c = s.charCodeAt(i);
    if (!isDigit(c)) return -1;
    n = n * 10 + (c - 0x30);
    if (n > max) return -1;
  }
  return n;
}

/** True where `s` holds `lower` (already lower case, ASCII) at `at`, whatever the case of its letters. */
export function matchesIgnoringCase(s: string, at: number, lower: string): boolean {
  for (let i = 0; i < lower.length; i++) {
    const c = s.charCodeAt(at + i);
    const want = lower.charCodeAt(i);
    if (c !== want && (c < 0x41 || c > 0x5a || c + 0x20 !== want)) return false;
  }
  return true;
}
