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
    let v0 = this.k0;
    let v1 = this.k1 ^ 0xee;
    let v2 = this.k0 ^ 0x6c796765;
    let v3 = this.k1 ^ 0x74656462;
    const length = text.length;
    const words = length >>> 2;
    let high = 0;
    // The whole words, the word with the rest and the length, then two rows of closing rounds. One loop with the round
    // written into it keeps the state in registers; as a function of its own it would live on the heap.
    for (let i = 0; i < words + 3; i++) {
      let word = 0;
      let rounds = 2;
      if (i < words) {
        const at = i << 2;
        word =
          (text.charCodeAt(at) & 255) |
          ((text.charCodeAt(at + 1) & 255) << 8) |
          ((text.charCodeAt(at + 2) & 255) << 16) |
          (text.charCodeAt(at + 3) << 24);
        v3 ^= word;
      } else if (i === words) {
        word = length << 24;
        for (let at = length - 1; at >= words << 2; at--) word |= (text.charCodeAt(at) & 255) << ((at & 3) << 3);
        v3 ^= word;
      } else {
        rounds = 4;
        if (i === words + 1) v2 ^= 0xee;
        else {
          high = v1 ^ v3;
          v1 ^= 0xdd;
        }
      }
      for (let round = 0; round < rounds; round++) {
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
    return (high >>> 0).toString(36) + ((v1 ^ v3) >>> 0).toString(36);
  }
}
