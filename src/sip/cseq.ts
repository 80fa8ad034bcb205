import { isLws, parseDecimal, skipLws, skipToken } from "./chars.ts";

export interface CSeq {
  readonly number: number;
  readonly method: string;
}

/** Parses a CSeq value (RFC 3261 §20.16); undefined when malformed or the number is 2^31 or more (§8.1.1.5). */
export function parseCSeq(s: string, start: number, end: number): CSeq | undefined {
  let i = start;
  while (i < end && !isLws(s.charCodeAt(i))) i++;
  const number = parseDecimal(s, start, i, 0x7fffffff);
  const methodStart = skipLws(s, i, end);
  if (number < 0 || methodStart === i || methodStart === end || skipToken(s, methodStart, end) !== end)
    return undefined;
  return { number, method: s.slice(methodStart, end) };
}
