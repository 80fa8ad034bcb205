import { HASH_HIGH, HASH_LOW } from "../places";
import { MOST_HASHED } from "../regions";
import { get, HELD, put } from "./held";

// HalfSipHash-2-4 (Aumasson and Bernstein) over pieces of text, in 32-bit arithmetic. There is one hash at a time.

/** Where a text that is not held is put to be hashed. */
export const HASHED: usize = memory.data(MOST_HASHED, 16);

let v0: u32 = 0;
let v1: u32 = 0;
let v2: u32 = 0;
let v3: u32 = 0;
/** The bytes that do not make a word yet, and how many bytes there were. */
let rest: u32 = 0;
let count: u32 = 0;

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

/** Adds what was put at HASHED. */
export function hashText(length: i32): void {
  add(HASHED, length);
}

export function hashByte(byte: u32): void {
  rest |= byte << ((count & 3) << 3);
  if ((++count & 3) !== 0) return;
  compress(rest);
  rest = 0;
}

/** The hash of all that was added: 64 bits, as two places. */
export function endHash(): void {
  compress(rest | (count << 24));
  v2 ^= 0xee;
  for (let i = 0; i < 4; i++) round();
  put(HASH_HIGH, v1 ^ v3);
  v1 ^= 0xdd;
  for (let i = 0; i < 4; i++) round();
  put(HASH_LOW, v1 ^ v3);
}

/** The hash that was ended last as up to 14 characters of base 36, at HASHED. @returns where they end */
export function writeToken(): usize {
  return writeBase36(writeBase36(HASHED, get(HASH_HIGH)), get(HASH_LOW));
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

function add(from: usize, length: i32): void {
  const end = from + length;
  const shift = (count & 3) << 3;
  // Whole words, each moved up by what is left of the bytes before.
  while (from + 4 <= end) {
    const word = load<u32>(from);
    compress(rest | (word << shift));
    rest = shift === 0 ? 0 : word >>> (32 - shift);
    count += 4;
    from += 4;
  }
  for (; from < end; from++) hashByte(load<u8>(from));
}

function compress(word: u32): void {
  v3 ^= word;
  round();
  round();
  v0 ^= word;
}

function round(): void {
  v0 += v1;
  v1 = rotl(v1, 5) ^ v0;
  v0 = rotl(v0, 16);
  v2 += v3;
  v3 = rotl(v3, 8) ^ v2;
  v0 += v3;
  v3 = rotl(v3, 7) ^ v0;
  v2 += v1;
  v1 = rotl(v1, 13) ^ v2;
  v2 = rotl(v2, 16);
}
