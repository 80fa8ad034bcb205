/**
 * HalfSipHash-2-4 (Aumasson and Bernstein): a short keyed hash in 32-bit arithmetic. Without the key nobody can
 * foresee a branch or a tag, and making one costs far less than a call into a cryptographic library.
 */
export class KeyedHash {
  private readonly k0: number;
  private readonly k1: number;

  /** @param key two random 32-bit numbers */
  constructor(key: readonly [number, number]) {
    this.k0 = key[0] | 0;
    this.k1 = key[1] | 0;
  }

  /** The 64-bit hash of latin1 `text` as up to 14 characters of base 36. */
  token(text: string): string {
    const { length } = text;
    const words = length >>> 2;
    // As words in a buffer the text is read four characters at a time.
    const input = length < LONGEST ? SCRATCH : new Int32Array(words + 1);
    const bytes = length < LONGEST ? SCRATCH_BYTES : Buffer.from(input.buffer);
    bytes.write(text, 0, length, "latin1");
    for (let i = length; i < (words + 1) << 2; i++) bytes[i] = 0;
    input[words] = input[words]! | (length << 24);
    let v0 = this.k0;
    let v1 = this.k1 ^ 0xee;
    let v2 = this.k0 ^ 0x6c796765;
    let v3 = this.k1 ^ 0x74656462;
    let high = 0;
    // The round stands here twice, since as a function of its own it would keep the state on the heap.
    for (let i = 0; i <= words; i++) {
      const word = input[i]!;
      v3 ^= word;
      for (let round = 0; round < 2; round++) {
        v0 = (v0 + v1) | 0;
        v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
        v0 = (v0 << 16) | (v0 >>> 16);
        v2 = (v2 + v3) | 0;
        v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
        v0 = (v0 + v3) | 0;
        v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
        v2 = (v2 + v1) | 0;
        v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
        v2 = (v2 << 16) | (v2 >>> 16);
      }
      v0 ^= word;
    }
    v2 ^= 0xee;
    for (let round = 0; round < 8; round++) {
      if (round === 4) {
        high = v1 ^ v3;
        v1 ^= 0xdd;
      }
      v0 = (v0 + v1) | 0;
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
      v0 = (v0 << 16) | (v0 >>> 16);
      v2 = (v2 + v3) | 0;
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
      v0 = (v0 + v3) | 0;
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
      v2 = (v2 + v1) | 0;
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
      v2 = (v2 << 16) | (v2 >>> 16);
    }
    return base36(high) + base36(v1 ^ v3);
  }
}

/** A text of at least so many characters gets a buffer of its own. */
const LONGEST = 4096;
const SCRATCH = new Int32Array(LONGEST / 4);
const SCRATCH_BYTES = Buffer.from(SCRATCH.buffer);

/** The unsigned 32 bits of a number as `toString(36)` writes them, which divides by a slower way. */
function base36(bits: number): string {
  const n = bits >>> 0;
  const top = Math.floor(n / PAIRS_SQUARED);
  if (top === 0) return n.toString(36);
  const rest = n - top * PAIRS_SQUARED;
  const middle = Math.floor(rest / PAIRS.length);
  return TOPS[top]! + PAIRS[middle]! + PAIRS[rest - middle * PAIRS.length]!;
}

/** All pairs of digits. */
const PAIRS = Array.from({ length: 36 * 36 }, (_, i) => i.toString(36).padStart(2, "0"));
const PAIRS_SQUARED = PAIRS.length * PAIRS.length;
/** What stands in front of the last four digits, without zeros of its own in front. */
const TOPS = Array.from({ length: Math.floor(0xffffffff / PAIRS_SQUARED) + 1 }, (_, i) => i.toString(36));
