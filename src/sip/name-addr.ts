import { findByte, isLws, isTokenChar, skipLws, skipQuoted, skipToken } from "./chars.ts";
import { ParamWalker } from "./params.ts";

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
 * @param bytes the same as `text`
 * @returns undefined when it is malformed: an open quote or bracket, no URI, a broken parameter, an empty tag
 */
export function parseNameAddr(text: string, bytes: Uint8Array, start: number, end: number): NameAddr | undefined {
  let i = skipLws(bytes, start, end);
  if (i >= end) return undefined;
  let uriStart = i;
  let uriEnd: number;
  const open = findOpenBracket(bytes, i, end);
  if (open === -2) return undefined;
  if (open >= 0) {
    uriStart = open + 1;
    uriEnd = findByte(bytes, 0x3e, uriStart, end);
    if (uriEnd < 0) return undefined;
    i = uriEnd + 1;
  } else {
    // addr-spec: what follows a `;` belongs to the header, not to the URI (§20.10).
    while (i < end) {
      const c = bytes[i]!;
      if (c === 0x3b || c === 0x2c || isLws(c)) break;
      i++;
    }
    uriEnd = i;
  }
  if (!looksLikeUri(bytes, uriStart, uriEnd)) return undefined;
  let tag: string | undefined;
  const params = ParamWalker.over(text, bytes, i, end);
  while (params.next()) {
    if (!params.is("tag")) continue;
    if (tag !== undefined || !params.hasValue) return undefined;
    tag = params.value;
  }
  return params.malformed ? undefined : { uri: text.slice(uriStart, uriEnd), uriStart, tag, end: params.position };
}

/** Position of the `<` behind an optional display name; -1 where there is none; -2 where a quote is not closed. */
function findOpenBracket(bytes: Uint8Array, i: number, end: number): number {
  if (bytes[i] === 0x22) {
    i = skipQuoted(bytes, i, end);
    if (i < 0) return -2;
    i = skipLws(bytes, i, end);
    return i < end && bytes[i] === 0x3c ? i : -2;
  }
  for (; i < end; i++) {
    const c = bytes[i]!;
    if (c === 0x3c) return i;
    if (c === 0x22) return -2;
    // A display name is tokens and spaces (§25.1), and in real life UTF-8; any other character tells a bare URI.
    if (!isTokenChar(c) && !isLws(c) && c < 0x80) return -1;
  }
  return -1;
}

/** A scheme, a colon, something behind it, and no white space or bracket within. */
function looksLikeUri(bytes: Uint8Array, start: number, end: number): boolean {
  const colon = skipToken(bytes, start, end);
  if (colon === start || colon >= end - 1 || bytes[colon] !== 0x3a) return false;
  for (let i = colon; i < end; i++) {
    const c = bytes[i]!;
    if (c <= 0x20 || c === 0x3c || c === 0x3e || c === 0x22) return false;
  }
  return true;
}
