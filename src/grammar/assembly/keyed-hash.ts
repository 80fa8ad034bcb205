import { MOST_HASHED } from "../regions";
import { HELD } from "./held";

// HalfSipHash-2-4 (Aumasson and Bernstein) over pieces of text, in 32-bit arithmetic. There is one hash at a time.

/** Where a text that is not held is put to be hashed, and where the hash is written. */
export const HASHED: usize = memory.data(MOST_HASHED, 16);

let v0: u32 = 0;
let v1: u32 = 0;
let v2: u32 = 0;
let v3: u32 = 0;
/** The bytes that do not make a word yet, and how many bytes there were. */
let rest: u32 = 0;
let count: u32 = 0;

/** A word that stands in no text. */
const WORD: usize = memory.data(4, 4);
/** The last four rounds of HalfSipHash take nothing in, which is what two words of zeros come to. */
const ZEROS: usize = memory.data(8, 4);

export function beginHash(k0: u32, k1: u32): void {
  v0 = k0;
  v1 = k1 ^ 0xee;
  v2 = k0 ^ 0x6c796765;
  v3 = k1 ^ 0x74656462;
  rest = 0;
  count = 0;
}

/** Adds a part of the text that is held. */
export function hashHeld(start: i32, end: i32): void {
  add(HELD + start, end - start);
}

export function hashByte(byte: u32): void {
  store<u32>(WORD, byte);
  add(WORD, 1);
}

/**
 * The hash of all that was added: 64 bits as up to 14 characters of base 36, at HASHED.
 * @returns where they end
 */
export function endHash(): usize {
  store<u32>(WORD, rest | (count << 24));
  // From here on whole words follow, and nothing counts them.
  rest = 0;
  count = 0;
  add(WORD, 4);
  v2 ^= 0xee;
  add(ZEROS, 8);
  const end = writeBase36(HASHED, v1 ^ v3);
  v1 ^= 0xdd;
  add(ZEROS, 8);
  return writeBase36(end, v1 ^ v3);
}

/** Hashes `length` bytes at an address alone, under the key `k0` and `k1`. @returns as `endHash` */
export function hashText(from: usize, length: i32, k0: u32, k1: u32): usize {
  beginHash(k0, k1);
  add(from, length);
  return endHash();
}

/** Without zeros in front, as Number.toString(36) has it. */
function writeBase36(to: usize, n: u32): usize {
  let digits: i32 = 1;
  for (let rest = n; rest >= 36; rest /= 36) digits++;
  for (let i = digits - 1; i >= 0; i--, n /= 36) {
    const digit = n % 36;
    store<u8>(to + i, digit < 10 ? 0x30 + digit : 0x57 + digit);
  }
  return to + digits;
}

/** Adds `length` bytes at an address. Reads up to four bytes beyond them. */
function add(from: usize, length: i32): void {
  const shift = (count & 3) << 3;
  count += length;
  // Variables of the function are kept in registers, those of the module in memory.
  let a = v0;
  let b = v1;
  let c = v2;
  let d = v3;
  let left: u64 = rest;
  for (;;) {
    const bits = min(length, 4) << 3;
    left |= (<u64>load<u32>(from) & (((<u64>1) << bits) - 1)) << shift;
    if (bits + shift < 32) break;
    const word = <u32>left;
    left >>= 32;
    d ^= word;
    for (let i = 0; i < 2; i++) {
      a += b;
      b = rotl(b, 5) ^ a;
      a = rotl(a, 16);
      c += d;
      d = rotl(d, 8) ^ c;
      a += d;
      d = rotl(d, 7) ^ a;
      c += b;
      b = rotl(b, 13) ^ c;
      c = rotl(c, 16);
    }
    a ^= word;
    if (bits < 32) break;
    from += 4;
    length -= 4;
  }
  v0 = a;
  v1 = b;
  v2 = c;
  v3 = d;
  rest = <u32>left;
}
