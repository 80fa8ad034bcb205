import { isLws, isTokenChar, skipLws, skipQuoted } from "./chars.ts";
import { ParamWalker } from "./params.ts";

/** A name-addr or addr-spec with its header parameters: From, To, Contact, Route (RFC 3261 §20.10). */
export interface NameAddr {
  /** The URI text, without angle brackets. */
  readonly uri: string;
  /** The `tag` parameter, or undefined. An empty tag counts as malformed. */
  readonly tag: string | undefined;
  /** Where the value ends in the text: at `end`, or at the comma before the next value. */
  readonly end: number;
}

/**
 * Parses one value from `start`.
 * @returns undefined when it is malformed: an open quote or bracket, no URI, a broken parameter, an empty tag
 */
export function parseNameAddr(s: string, start: number, end: number): NameAddr | undefined {
  let i = skipLws(s, start, end);
  if (i >= end) return undefined;
  let uri: string;
  const open = findOpenBracket(s, i, end);
  if (open === -2) return undefined;
  if (open >= 0) {
    const close = s.indexOf(">", open);
    if (close < 0 || close >= end) return undefined;
    uri = s.slice(open + 1, close);
    i = close + 1;
  } else {
    // addr-spec: what follows a `;` belongs to the header, not to the URI (§20.10).
    const uriStart = i;
    while (i < end) {
      const c = s.charCodeAt(i);
      if (c === 0x3b || c === 0x2c || isLws(c)) break;
      i++;
    }
    uri = s.slice(uriStart, i);
  }
  if (!looksLikeUri(uri)) return undefined;
  let tag: string | undefined;
  const params = new ParamWalker(s, i, end);
  while (params.next()) {
    if (!params.is("tag")) continue;
    if (tag !== undefined || !params.hasValue) return undefined;
    tag = params.value;
  }
  return params.malformed ? undefined : { uri, tag, end: params.position };
}

/** Position of the `<` behind an optional display name; -1 where there is none; -2 where a quote is not closed. */
function findOpenBracket(s: string, i: number, end: number): number {
  if (s.charCodeAt(i) === 0x22) {
    i = skipQuoted(s, i, end);
    if (i < 0) return -2;
    i = skipLws(s, i, end);
    return i < end && s.charCodeAt(i) === 0x3c ? i : -2;
  }
  for (; i < end; i++) {
    const c = s.charCodeAt(i);
    if (c === 0x3c) return i;
    if (c === 0x22) return -2;
    // A display name is tokens and spaces (§25.1), and in real life UTF-8; any other character tells a bare URI.
    if (!isTokenChar(c) && !isLws(c) && c < 0x80) return -1;
  }
  return -1;
}

/** A scheme, a colon, something behind it, and no white space or bracket within. */
function looksLikeUri(uri: string): boolean {
  const colon = uri.indexOf(":");
  if (colon < 1 || colon === uri.length - 1) return false;
  for (let i = 0; i < uri.length; i++) {
    const c = uri.charCodeAt(i);
    if (c <= 0x20 || c === 0x3c || c === 0x3e || c === 0x22) return false;
    if (i < colon && !isTokenChar(c)) return false;
  }
  return true;
}
