import { at, HELD } from "./held";

// Character classes of RFC 3261 §25.1, for one character as a table of bits, and for sixteen at a time: the row of ASCII that
// a character stands in (its upper four bits) selects a bit, its place in the row (the lower four) the rows that have one there.

const TOKEN: i32 = 0;
const HOST: i32 = 1;
const LWS: i32 = 2;
/** Ends an unquoted parameter value. */
const DELIMITER: i32 = 3;

const CLASSES: usize = memory.data(256);
/** For each class, for each place in a row, the rows. */
const ROWS: usize = memory.data(4 * 16, 16);
mark("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", TOKEN);
mark("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", HOST);
mark("-.!%*_+`'~", TOKEN);
mark("-._", HOST);
mark(" \t\r\n", LWS);
mark(" \t\r\n", DELIMITER);
mark(';,"', DELIMITER);

function mark(chars: string, kind: i32): void {
  for (let i = 0; i < chars.length; i++) {
    const c = chars.charCodeAt(i);
    const place = CLASSES + c;
    store<u8>(place, load<u8>(place) | ((<u8>1) << (<u8>kind)));
    const rows = ROWS + (kind << 4) + (c & 15);
    store<u8>(rows, load<u8>(rows) | ((<u8>1) << (<u8>(c >> 4))));
  }
}

/** Which of the sixteen bytes at `i` are of this class, as bits. */
function membersAt(i: i32, kind: i32): i32 {
  const text = textAt(i);
  const places = v128.and(text, i8x16.splat(15));
  const row = i8x16.swizzle(i8x16(1, 2, 4, 8, 16, 32, 64, -128, 0, 0, 0, 0, 0, 0, 0, 0), i8x16.shr_u(text, 4));
  const rows = i8x16.swizzle(v128.load(ROWS + (kind << 4)), places);
  return i8x16.bitmask(i8x16.ne(v128.and(row, rows), i8x16.splat(0)));
}

/** The sixteen bytes from `i` on. */
export function textAt(i: i32): v128 {
  return v128.load(HELD + i);
}

/** The first of these sixteen positions from `i` on whose bit is set, or `end` where that comes earlier. */
function firstOf(bits: i32, i: i32, end: i32): i32 {
  return min(i + ctz(bits), end);
}

function is(c: u32, kind: i32): bool {
  return ((load<u8>(CLASSES + c) >> <u8>kind) & 1) !== 0;
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
  return first(i, end, TOKEN, 0xffff);
}

/** First position from `i` on, at most `end`, that is no character of a host name; the underscore is one, which Windows names carry. */
export function skipHost(i: i32, end: i32): i32 {
  return first(i, end, HOST, 0xffff);
}

/** First position from `i` on, at most `end`, where an unquoted value ends: white space, `;`, `,` or a quote. */
export function skipValue(i: i32, end: i32): i32 {
  return first(i, end, DELIMITER, 0);
}

/** First position from `i` on, at most `end`, of a character of this class; with 0xffff in `others`, of one that is not. */
function first(i: i32, end: i32, kind: i32, others: i32): i32 {
  for (let block = i; block < end; block += 16) {
    const found = membersAt(block, kind) ^ others;
    if (found !== 0) return firstOf(found, block, end);
  }
  return max(i, end);
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
  const wanted = i8x16.splat(<i8>byte);
  for (; i < end; i += 16) {
    const found = i8x16.bitmask(i8x16.eq(textAt(i), wanted));
    if (found !== 0) {
      i = firstOf(found, i, end);
      return i < end ? i : -1;
    }
  }
  return -1;
}

/** Whether there is white space, or another control character, from `i` on before `end`. */
export function hasSpace(i: i32, end: i32): bool {
  for (; i < end; i += 16) {
    const found = i8x16.bitmask(i8x16.le_u(textAt(i), i8x16.splat(0x20)));
    if (found !== 0) return firstOf(found, i, end) < end;
  }
  return false;
}

/** Whether there is white space or another control character, a bracket or a quote from `i` on before `end`. */
export function hasSpaceOrBracket(i: i32, end: i32): bool {
  for (; i < end; i += 16) {
    const text = textAt(i);
    const brackets = v128.or(i8x16.eq(text, i8x16.splat(0x3c)), i8x16.eq(text, i8x16.splat(0x3e)));
    const others = v128.or(i8x16.le_u(text, i8x16.splat(0x20)), i8x16.eq(text, i8x16.splat(0x22)));
    const found = i8x16.bitmask(v128.or(brackets, others));
    if (found !== 0) return firstOf(found, i, end) < end;
  }
  return false;
}

/** Whether there is a capital letter, or what is not ASCII, from `i` on before `end`. */
export function hasCapitals(i: i32, end: i32): bool {
  for (; i < end; i += 16) {
    const text = textAt(i);
    const capitals = i8x16.lt_u(i8x16.sub(text, i8x16.splat(0x41)), i8x16.splat(26));
    // The upper bit of a byte is what makes it none of ASCII.
    const found = i8x16.bitmask(v128.or(capitals, text));
    if (found !== 0) return firstOf(found, i, end) < end;
  }
  return false;
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
  for (let k = 0; k < lower.length; k += 16) {
    const text = textAt(i + k);
    const wanted = bytesOf(lower, k);
    const letters = i8x16.lt_u(i8x16.sub(wanted, i8x16.splat(0x61)), i8x16.splat(26));
    if (differ(v128.or(text, v128.and(letters, i8x16.splat(0x20))), wanted, lower.length - k)) return false;
  }
  return true;
}

/** True where just this text (ASCII) stands at `i`. */
export function holdsExactly(i: i32, text: string): bool {
  for (let k = 0; k < text.length; k += 16) if (differ(textAt(i + k), bytesOf(text, k), text.length - k)) return false;
  return true;
}

/** Sixteen characters of a text from the `k`th on. Behind its end stands what stands there. */
function bytesOf(text: string, k: i32): v128 {
  const from = changetype<usize>(text) + (k << 1);
  return i8x16.narrow_i16x8_u(v128.load(from), v128.load(from, 16));
}

/** Whether the first `count` of sixteen bytes are others. */
function differ(a: v128, b: v128, count: i32): bool {
  return (i8x16.bitmask(i8x16.ne(a, b)) & ((1 << min(count, 16)) - 1)) !== 0;
}
