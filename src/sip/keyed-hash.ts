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
    const round = (): void => {
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
    };
    const length = text.length;
    const whole = length & ~3;
    for (let i = 0; i < whole; i += 4) {
      const word =
        (text.charCodeAt(i) & 255) |
        ((text.charCodeAt(i + 1) & 255) << 8) |
        ((text.charCodeAt(i + 2) & 255) << 16) |
        (text.charCodeAt(i + 3) << 24);
      v3 ^= word;
      round();
      round();
      v0 ^= word;
    }
    let last = length << 24;
    for (let i = length - 1; i >= whole; i--) last |= (text.charCodeAt(i) & 255) << (8 * (i - whole));
    v3 ^= last;
    round();
    round();
    v0 ^= last;
    v2 ^= 0xee;
    for (let i = 0; i < 4; i++) round();
    const high = v1 ^ v3;
    v1 ^= 0xdd;
    for (let i = 0; i < 4; i++) round();
    return (high >>> 0).toString(36) + ((v1 ^ v3) >>> 0).toString(36);
  }
}
