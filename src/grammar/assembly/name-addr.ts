import { ADDR_URI_START, TAG_START, VALUE_END } from "../places";
import { findByte, hasSpaceOrBracket, isLws, isTokenChar, skipLws, skipQuoted, skipToken } from "./chars";
import { at, put, putSpan } from "./held";
import { beginParams, hasValue, isMalformed, isParam, nextParam, paramPosition, valueEnd, valueStart } from "./params";

/**
 * Reads one name-addr or addr-spec with its header parameters (RFC 3261 §20.10) from `start`, into the places from `into` on.
 * @returns false when it is malformed: an open quote or bracket, no URI, a broken parameter, an empty tag
 */
export function readNameAddr(into: i32, start: i32, end: i32): bool {
  put(into + VALUE_END, -1);
  put(into + TAG_START, -1);
  let i = skipLws(start, end);
  if (i >= end) return false;
  let uriStart = i;
  let uriEnd: i32;
  const open = findOpenBracket(i, end);
  if (open === -2) return false;
  if (open >= 0) {
    uriStart = open + 1;
    uriEnd = findByte(0x3e, uriStart, end);
    if (uriEnd < 0) return false;
    i = uriEnd + 1;
  } else {
    // addr-spec: what follows a `;` belongs to the header, not to the URI (§20.10).
    while (i < end) {
      const c = at(i);
      if (c === 0x3b || c === 0x2c || isLws(c)) break;
      i++;
    }
    uriEnd = i;
  }
  if (!looksLikeUri(uriStart, uriEnd)) return false;
  let hasTag = false;
  beginParams(i, end);
  while (nextParam()) {
    if (!isParam("tag")) continue;
    if (hasTag || !hasValue()) return false;
    hasTag = true;
    putSpan(into + TAG_START, valueStart, valueEnd);
  }
  if (isMalformed) return false;
  putSpan(into + ADDR_URI_START, uriStart, uriEnd);
  put(into + VALUE_END, paramPosition());
  return true;
}

/** Position of the `<` behind an optional display name; -1 where there is none; -2 where a quote is not closed. */
function findOpenBracket(i: i32, end: i32): i32 {
  if (at(i) === 0x22) {
    i = skipQuoted(i, end);
    if (i < 0) return -2;
    i = skipLws(i, end);
    return i < end && at(i) === 0x3c ? i : -2;
  }
  for (; i < end; i++) {
    const c = at(i);
    if (c === 0x3c) return i;
    if (c === 0x22) return -2;
    // A display name is tokens and spaces (§25.1), and in real life UTF-8; any other character tells a bare URI.
    if (!isTokenChar(c) && !isLws(c) && c < 0x80) return -1;
  }
  return -1;
}

/** A scheme, a colon, something behind it, and no white space or bracket within. */
function looksLikeUri(start: i32, end: i32): bool {
  const colon = skipToken(start, end);
  if (colon === start || colon >= end - 1 || at(colon) !== 0x3a) return false;
  return !hasSpaceOrBracket(colon, end);
}
