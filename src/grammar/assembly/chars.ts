import { at } from "./held";

// Character classes of RFC 3261 §25.1 as one table, so that scanning costs one read per character.

const TOKEN: u8 = 1;
const HOST: u8 = 2;
const LWS: u8 = 4;
/** Ends an unquoted parameter value. */
const DELIMITER: u8 = 8;

const CLASS: usize = memory.data(256);
mark("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", TOKEN | HOST);
mark("-.!%*_+`'~", TOKEN);
mark("-._", HOST);
mark(" \t\r\n", LWS | DELIMITER);
mark(';,"', DELIMITER);

function mark(chars: string, as: u8): void {
  for (let i = 0; i < chars.length; i++) {
    const place = CLASS + chars.charCodeAt(i);
    store<u8>(place, load<u8>(place) | as);
  }
}

function is(c: u32, wanted: u8): bool {
  return (load<u8>(CLASS + c) & wanted) !== 0;
}

export function isTokenChar(c: u32): bool {
  return is(c, TOKEN);
}

export function isDigit(c: u32): bool {
  return c - 0x30 < 10;
}

/** Space, tab, or the CR and LF of a folded line (a head holds CR and LF nowhere else inside a header). */
export function isLws(c: u32): bool {
  return is(c, LWS);
}

/** First position from `i` on, at most `end`, that is not linear white space. */
export function skipLws(i: i32, end: i32): i32 {
  while (i < end && is(at(i), LWS)) i++;
  return i;
}

/** First position from `i` on, at most `end`, that is no token character. */
export function skipToken(i: i32, end: i32): i32 {
  while (i < end && is(at(i), TOKEN)) i++;
  return i;
}

/** First position from `i` on, at most `end`, that is no character of a host name; the underscore is one, which Windows names carry. */
export function skipHost(i: i32, end: i32): i32 {
  while (i < end && is(at(i), HOST)) i++;
  return i;
}

/** First position from `i` on, at most `end`, where an unquoted value ends: white space, `;`, `,` or a quote. */
export function skipValue(i: i32, end: i32): i32 {
  while (i < end && !is(at(i), DELIMITER)) i++;
  return i;
}

/** Position behind the quoted string that opens at `i` (§25.1), or -1 when it is not closed before `end`. */
export function skipQuoted(i: i32, end: i32): i32 {
  for (i++; i < end; i++) {
    const c = at(i);
    if (c === 0x22) return i + 1;
    if (c === 0x5c) i++;
  }
  return -1;
}

/** First position from `i` on, before `end`, of this byte; -1 where it is not there. */
export function findByte(byte: u32, i: i32, end: i32): i32 {
  while (i < end && at(i) !== byte) i++;
  return i < end ? i : -1;
}

/**
 * An unsigned decimal number written with digits only: no sign, fraction or exponent.
 * @returns the number, or -1 when it is empty, malformed or above `max`
 */
export function decimal(start: i32, end: i32, max: i64): i32 {
  if (start >= end) return -1;
  let n: i64 = 0;
  for (let i = start; i < end; i++) {
    const c = at(i);
    if (!isDigit(c)) return -1;
    n = n * 10 + (c - 0x30);
    if (n > max) return -1;
  }
  return <i32>n;
}

/** A character that is there for sure. */
export function charOf(text: string, k: i32): u32 {
  return load<u16>(changetype<usize>(text) + (k << 1));
}

/** True where `lower` (already lower case, ASCII) stands at `i`, whatever the case of its letters. */
export function holds(i: i32, lower: string): bool {
  for (let k = 0; k < lower.length; k++) {
    const c = at(i + k);
    const want = charOf(lower, k);
    if (c !== want && (c - 0x41 > 25 || c + 0x20 !== want)) return false;
  }
  return true;
}

/** True where just this text (ASCII) stands at `i`. */
export function holdsExactly(i: i32, text: string): bool {
  for (let k = 0; k < text.length; k++) if (at(i + k) !== charOf(text, k)) return false;
  return true;
}
