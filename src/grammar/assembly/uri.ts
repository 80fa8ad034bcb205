import {
  HOST_END,
  HOST_HAS_CAPITALS,
  HOST_START,
  PORT,
  URI_PARAMS_END,
  URI_PARAMS_START,
  URI_SCHEME,
  USER_START,
} from "../places";
import { decimal, findByte, hasCapitals, holds, isDigit, skipHost, skipToken } from "./chars";
import { at, put, putSpan } from "./held";

const COLON: u32 = 0x3a;
const QUESTION_MARK: u32 = 0x3f;

/** 1 for a SIP URI, 2 for a SIPS one, 3 for one of another scheme, 0 for no URI at all. */
export function uriKind(start: i32, end: i32): i32 {
  const colon = skipToken(start, end);
  if (colon === start || colon === end || at(colon) !== COLON) return 0;
  const length = colon - start;
  if (length === 3 && holds(start, "sip")) return 1;
  return length === 4 && holds(start, "sips") ? 2 : 3;
}

/** Takes a SIP or SIPS URI (RFC 3261 §19.1) apart. @returns false for any other scheme and for a malformed one */
export function readUri(start: i32, end: i32): bool {
  const kind = uriKind(start, end);
  if (kind !== 1 && kind !== 2) return none();
  let i = start + 3 + kind;
  // The user part may hold `;` and `?` (§25.1), so the `@` is looked for before them.
  const atSign = findByte(0x40, i, end);
  put(USER_START, -1);
  if (atSign >= 0) {
    const password = findByte(COLON, i, atSign);
    const userEnd = password >= 0 ? password : atSign;
    if (userEnd === i) return none();
    putSpan(USER_START, i, userEnd);
    i = atSign + 1;
  }
  let hostStart = i;
  let hostEnd: i32;
  if (i < end && at(i) === 0x5b) {
    hostEnd = findByte(0x5d, ++hostStart, end);
    i = hostEnd + 1;
  } else i = hostEnd = skipHost(hostStart, end);
  if (hostEnd <= hostStart) return none();
  let port = 0;
  if (i < end && at(i) === COLON) {
    const portStart = ++i;
    while (i < end && isDigit(at(i))) i++;
    port = decimal(portStart, i, 65535);
    if (port <= 0) return none();
  }
  if (i < end && at(i) !== 0x3b && at(i) !== QUESTION_MARK) return none();
  const headers = findByte(QUESTION_MARK, i, end);
  const isRooted = at(hostEnd - 1) === 0x2e;
  put(URI_SCHEME, kind);
  put(HOST_START, hostStart);
  put(HOST_END, isRooted ? hostEnd - 1 : hostEnd);
  put(HOST_HAS_CAPITALS, hasCapitals(hostStart, hostEnd) ? 1 : 0);
  put(PORT, port);
  put(URI_PARAMS_START, i);
  put(URI_PARAMS_END, headers < 0 ? end : headers);
  return true;
}

function none(): bool {
  put(URI_SCHEME, 0);
  return false;
}
