// Character classes of RFC 3261 §25.1 as one table, so that scanning costs one array read per character.

const TOKEN = 1;
const DIGIT = 2;
const HOST = 4;

const CLASS = new Uint8Array(256);
for (let c = 0x30; c <= 0x39; c++) CLASS[c] = TOKEN | DIGIT | HOST;
for (let c = 0x41; c <= 0x5a; c++) CLASS[c] = CLASS[c + 0x20] = TOKEN | HOST;
for (const c of "-.!%*_+`'~") CLASS[c.charCodeAt(0)]! |= TOKEN;
for (const c of "-._") CLASS[c.charCodeAt(0)]! |= HOST;

export function isTokenChar(code: number): boolean {
  return code < 256 && (CLASS[code]! & TOKEN) !== 0;
}

export function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

/** Letters, digits, hyphen, dot; and the underscore, which Windows host names carry. */
export function isHostChar(code: number): boolean {
  return code < 256 && (CLASS[code]! & HOST) !== 0;
}

/** Space, tab, or the CR and LF of a folded line (a head holds CR and LF nowhere else inside a header). */
export function isLws(code: number): boolean {
  return code === 0x20 || code === 0x09 || code === 0x0d || code === 0x0a;
}

/** First position from `i` on, at most `end`, that is not linear white space. */
export function skipLws(s: string, i: number, end: number): number {
  while (i < end && isLws(s.charCodeAt(i))) i++;
  return i;
}

/** First position from `i` on, at most `end`, that is no token character. */
export function skipToken(s: string, i: number, end: number): number {
  while (i < end && isTokenChar(s.charCodeAt(i))) i++;
  return i;
}

/**
 * Position behind the quoted string that opens at `i` (§25.1), or -1 when it is not closed before `end`.
 */
export function skipQuoted(s: string, i: number, end: number): number {
  for (i++; i < end; i++) {
    const c = s.charCodeAt(i);
    if (c === 0x22) return i + 1;
    if (c === 0x5c) i++;
  }
  return -1;
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
