import { isTextToken, pathToken, textToken } from "../grammar/grammar.ts";
import type { SipMessage } from "./message.ts";

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
    return textToken(text, this.k0, this.k1);
  }

  /** Whether this is the token of that text. */
  isToken(token: string, text: string): boolean {
    return isTextToken(token, text, this.k0, this.k1);
  }

  /**
   * A hash like it over all that decides where a request goes (RFC 5393 §4.2.1): Request-URI, Call-ID, CSeq, tags, Routes. A
   * request that comes back with any of it changed is a spiral, which is allowed; with nothing changed it is a loop.
   * @param request with From, To, Call-ID and CSeq
   */
  tokenOfPath(request: SipMessage): string {
    return pathToken(request.current(), this.k0, this.k1);
  }
}
