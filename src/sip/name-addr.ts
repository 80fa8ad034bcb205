import { found, hold, readNameAddr } from "../grammar/grammar.ts";
import { ADDR_URI_END, ADDR_URI_START, NAME_ADDR, TAG_END, TAG_START, VALUE_END } from "../grammar/places.ts";

/** A name-addr or addr-spec with its header parameters: From, To, Contact, Route (RFC 3261 §20.10). */
export interface NameAddr {
  /** The URI text, without angle brackets. */
  readonly uri: string;
  /** Where it begins in the text. */
  readonly uriStart: number;
  /** The `tag` parameter, or undefined. An empty tag counts as malformed. */
  readonly tag: string | undefined;
  /** Where the value ends in the text: at `end`, or at the comma before the next value. */
  readonly end: number;
}

/**
 * Parses one value from `start`.
 * @returns undefined when it is malformed: an open quote or bracket, no URI, a broken parameter, an empty tag
 */
export function parseNameAddr(text: string, start: number, end: number): NameAddr | undefined {
  hold(text);
  return readNameAddr(NAME_ADDR, start, end) ? nameAddrOf(text, found, NAME_ADDR) : undefined;
}

/** The value that was found in `text`, undefined where it is malformed. @param at its first place in `index`, see places.ts */
export function nameAddrOf(text: string, index: ArrayLike<number>, at: number): NameAddr | undefined {
  const end = index[at + VALUE_END]!;
  if (end < 0) return undefined;
  const uriStart = index[at + ADDR_URI_START]!;
  const tagStart = index[at + TAG_START]!;
  return {
    uri: text.slice(uriStart, index[at + ADDR_URI_END]),
    uriStart,
    tag: tagStart < 0 ? undefined : text.slice(tagStart, index[at + TAG_END]),
    end,
  };
}
