import { decimalAt, skipLws, skipToken, skipValue } from "./chars.ts";

export interface CSeq {
  readonly number: number;
  readonly method: string;
}

/**
 * Parses a CSeq value (RFC 3261 §20.16); undefined when malformed or the number is 2^31 or more (§8.1.1.5).
 * @param bytes the same as `text`
 */
export function parseCSeq(text: string, bytes: Uint8Array, start: number, end: number): CSeq | undefined {
  const i = skipValue(bytes, start, end);
  const number = decimalAt(bytes, start, i, 0x7fffffff);
  const methodStart = skipLws(bytes, i, end);
  if (number < 0 || methodStart === i || methodStart === end || skipToken(bytes, methodStart, end) !== end)
    return undefined;
  return { number, method: text.slice(methodStart, end) };
}
