import {
  BRANCH_END,
  BRANCH_IS_UNIQUE,
  BRANCH_START,
  HAS_RPORT,
  RECEIVED_START,
  RPORT_AT,
  SENT_BY_PORT,
  SENT_BY_START,
  TRANSPORT_START,
  VIA_START,
} from "../places";
import { decimal, findByte, holds, holdsExactly, isDigit, skipHost, skipLws, skipToken } from "./chars";
import { at, get, put, putSpan } from "./held";
import {
  beginParams,
  hasValue,
  isMalformed,
  isParam,
  nameEnd,
  nextParam,
  paramPosition,
  valueEnd,
  valueStart,
} from "./params";

/** Reads the Via value that starts at `start` (RFC 3261 §20.42). Takes white space wherever §25.1 does. @returns false when malformed */
export function readVia(start: i32, end: i32): bool {
  put(VIA_START, -1);
  let i = skipLws(start, end);
  const viaStart = i;
  if (!holds(i, "sip")) return false;
  i = skipLws(i + 3, end);
  if (at(i) !== 0x2f) return false;
  i = skipLws(i + 1, end);
  if (!holds(i, "2.0")) return false;
  i = skipLws(i + 3, end);
  if (at(i) !== 0x2f) return false;
  i = skipLws(i + 1, end);
  const transportStart = i;
  i = skipToken(i, end);
  if (i === transportStart) return false;
  putSpan(TRANSPORT_START, transportStart, i);
  let hostStart = skipLws(i, end);
  if (hostStart === i || hostStart >= end) return false;
  let hostEnd: i32;
  if (at(hostStart) === 0x5b) {
    hostEnd = findByte(0x5d, ++hostStart, end);
    i = hostEnd + 1;
  } else i = hostEnd = skipHost(hostStart, end);
  if (hostEnd <= hostStart) return false;
  putSpan(SENT_BY_START, hostStart, hostEnd);
  i = skipLws(i, end);
  let port = 0;
  if (i < end && at(i) === 0x3a) {
    const portStart = skipLws(i + 1, end);
    i = portStart;
    while (i < end && isDigit(at(i))) i++;
    port = decimal(portStart, i, 65535);
    if (port <= 0) return false;
  }
  put(SENT_BY_PORT, port);
  put(BRANCH_START, -1);
  put(HAS_RPORT, 0);
  put(RPORT_AT, -1);
  put(RECEIVED_START, -1);
  beginParams(i, end);
  while (nextParam()) {
    if (isParam("branch")) putSpan(BRANCH_START, valueStart, valueEnd);
    else if (isParam("rport")) {
      put(HAS_RPORT, 1);
      if (!hasValue()) put(RPORT_AT, nameEnd);
      else if (decimal(valueStart, valueEnd, 65535) <= 0) return false;
    } else if (isParam("received")) putSpan(RECEIVED_START, valueStart, valueEnd);
  }
  if (isMalformed) return false;
  put(BRANCH_IS_UNIQUE, hasMagicCookie() ? 1 : 0);
  putSpan(VIA_START, viaStart, paramPosition());
  return true;
}

/** Whether the branch that was read last is unique (§8.1.1.7). */
function hasMagicCookie(): bool {
  const start = get(BRANCH_START);
  return start >= 0 && get(BRANCH_END) - start > 7 && holdsExactly(start, "z9hG4bK");
}
