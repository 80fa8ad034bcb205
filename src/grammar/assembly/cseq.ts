import { CSEQ_METHOD, CSEQ_METHOD_START, CSEQ_NUMBER } from "../places";
import { decimal, skipLws, skipToken, skipValue } from "./chars";
import { put, putSpan } from "./held";
import { methodAt } from "./methods";

/** Reads a CSeq value (RFC 3261 §20.16); its number is -1 when it is malformed, or 2^31 or more (§8.1.1.5). */
export function readCSeq(start: i32, end: i32): void {
  const i = skipValue(start, end);
  const number = decimal(start, i, 0x7fffffff);
  const methodStart = skipLws(i, end);
  const isWhole = number >= 0 && methodStart > i && methodStart < end && skipToken(methodStart, end) === end;
  put(CSEQ_NUMBER, isWhole ? number : -1);
  if (!isWhole) return;
  putSpan(CSEQ_METHOD_START, methodStart, end);
  put(CSEQ_METHOD, methodAt(methodStart, end));
}
