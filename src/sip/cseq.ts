import { CSEQ_METHOD, CSEQ_METHOD_END, CSEQ_METHOD_START, CSEQ_NUMBER } from "../grammar/places.ts";
import { methodName } from "./methods.ts";

/** RFC 3261 §20.16. */
export interface CSeq {
  readonly number: number;
  readonly method: string;
}

/** The CSeq that was found in `text`, undefined where it is malformed. @param index with the places of places.ts */
export function cseqOf(text: string, index: ArrayLike<number>): CSeq | undefined {
  const number = index[CSEQ_NUMBER]!;
  if (number < 0) return undefined;
  return { number, method: methodName(index[CSEQ_METHOD]!, text, index[CSEQ_METHOD_START]!, index[CSEQ_METHOD_END]!) };
}
