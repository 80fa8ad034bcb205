import { CALL_ID, CONTENT_LENGTH, CSEQ, FROM, MAX_FORWARDS, ROUTE, TO, VIA } from "../header-ids";
import { ACK, OTHER_METHOD } from "../methods";
import {
  BRANCH_IS_UNIQUE,
  CSEQ_METHOD,
  CSEQ_METHOD_END,
  CSEQ_METHOD_START,
  CSEQ_NUMBER,
  FIRST_LINES,
  FROM_ADDR,
  HEADERS_END,
  HEADERS_START,
  HOPS_LEFT,
  LINES,
  METHOD,
  METHOD_END,
  PROBLEM,
  REQUEST_URI_START,
  STATUS,
  TEXT_END,
  TO_ADDR,
  URI_SCHEME,
  VALUE_END,
  VIA_START,
} from "../places";
import {
  CALL_ID_MALFORMED,
  CSEQ_MALFORMED,
  CSEQ_OTHER_METHOD,
  FROM_MALFORMED,
  FROM_OR_TO_MISSING,
  LENGTH_MALFORMED,
  LENGTH_TOO_LONG,
  NO_END,
  NO_PROBLEM,
  NOT_SIP,
  TO_MALFORMED,
  URI_HAS_SPACE,
  URI_MALFORMED,
  VERSION_ODD,
  VIA_MALFORMED,
  VIA_MISSING,
} from "../problems";
import { decimal, hasSpace, hasSpaceOrBracket, holds, holdsExactly, skipToken } from "./chars";
import { readCSeq } from "./cseq";
import { headProblem, indexPlace, readLines, valueEndOf, valueStartOf } from "./header-lines";
import { at, FOUND, get, put, putSpan } from "./held";
import { methodAt } from "./methods";
import { readNameAddr } from "./name-addr";
import { readUri, uriKind } from "./uri";
import { readVia } from "./via";

/**
 * Reads the message that is held, as far as every proxy must (RFC 3261 §16.3 step 1): start line, header names, the five
 * headers of a transaction, Content-Length. The first thing that is wrong is told as PROBLEM.
 * @param isCut true when its end had to be made up
 */
export function readMessage(length: i32, isCut: bool): void {
  read(length, isCut);
  memory.copy(indexPlace(length), FOUND, LINES << 2);
}

function read(length: i32, isCut: bool): void {
  if (!readLines(length)) {
    put(PROBLEM, NO_END);
    return;
  }
  let problem = readStartLine(get(HEADERS_START) - 2);
  if (problem === NOT_SIP) {
    put(PROBLEM, NOT_SIP);
    return;
  }
  // What stands in place of the version may make it no request at all.
  if (isCut && problem !== VERSION_ODD) problem = NO_END;
  if (problem === NO_PROBLEM) problem = headProblem();
  const headEnd = get(HEADERS_END) + 2;
  let textEnd = length;
  if (get(FIRST_LINES + CONTENT_LENGTH) >= 0) {
    const bodyLength = decimal(valueStartOf(CONTENT_LENGTH), valueEndOf(CONTENT_LENGTH), 0x7fffffff);
    if (problem === NO_PROBLEM) {
      if (bodyLength < 0) problem = LENGTH_MALFORMED;
      else if (bodyLength > length - headEnd) problem = LENGTH_TOO_LONG;
    }
    textEnd = problem === NO_PROBLEM ? headEnd + bodyLength : headEnd;
  }
  put(TEXT_END, textEnd);
  const ofTransaction = readTransactionHeaders();
  put(PROBLEM, problem === NO_PROBLEM ? ofTransaction : problem);
}

/** @param end where its CRLF stands. @returns what is wrong */
function readStartLine(end: i32): i32 {
  put(METHOD, OTHER_METHOD);
  putSpan(REQUEST_URI_START, 0, 0);
  put(METHOD_END, 0);
  put(STATUS, 0);
  put(URI_SCHEME, 0);
  const i = skipToken(0, end);
  // The slash of SIP/2.0 is no token character; that of a response stands at its place, a request has a space here.
  if (i === 3 && at(i) === 0x2f) {
    if (!holds(0, "sip/2.0 ")) return NOT_SIP;
    const status = decimal(8, 11, 699);
    put(STATUS, status);
    return status >= 100 && (at(11) === 0x20 || end === 11) ? NO_PROBLEM : NOT_SIP;
  }
  if (i === 0 || at(i) !== 0x20) return NOT_SIP;
  put(METHOD, methodAt(0, i));
  put(METHOD_END, i);
  const uriStart = i + 1;
  const uriEnd = end - 8;
  if (uriEnd < i || !holdsExactly(uriEnd, " SIP/2.0")) return VERSION_ODD;
  putSpan(REQUEST_URI_START, uriStart, max(uriStart, uriEnd));
  if (uriStart >= uriEnd || hasSpaceOrBracket(uriStart, uriEnd)) return URI_HAS_SPACE;
  return readUri(uriStart, uriEnd) || uriKind(uriStart, uriEnd) !== 0 ? NO_PROBLEM : URI_MALFORMED;
}

/** The headers without which there is no transaction (§8.1.1, §16.3 step 1). @returns what is wrong */
function readTransactionHeaders(): i32 {
  put(VIA_START, -1);
  put(FROM_ADDR + VALUE_END, -1);
  put(TO_ADDR + VALUE_END, -1);
  put(CSEQ_NUMBER, -1);
  const hasVia = has(VIA);
  if (hasVia) readVia(valueStartOf(VIA), valueEndOf(VIA));
  // Nobody looks at From and To of an ACK that goes no further: its topmost Via alone tells which transaction it ends (§17.2.3).
  const endsTransaction = get(METHOD) === ACK && get(STATUS) === 0 && !has(ROUTE) && hasUniqueBranch();
  if (!endsTransaction && has(FROM)) readNameAddr(FROM_ADDR, valueStartOf(FROM), valueEndOf(FROM));
  if (!endsTransaction && has(TO)) readNameAddr(TO_ADDR, valueStartOf(TO), valueEndOf(TO));
  put(HOPS_LEFT, has(MAX_FORWARDS) ? decimal(valueStartOf(MAX_FORWARDS), valueEndOf(MAX_FORWARDS), 255) : -2);
  if (has(CSEQ)) readCSeq(valueStartOf(CSEQ), valueEndOf(CSEQ));

  if (!hasVia) return VIA_MISSING;
  if (get(VIA_START) < 0) return VIA_MALFORMED;
  if (endsTransaction) {
    if (!has(FROM) || !has(TO)) return FROM_OR_TO_MISSING;
  } else {
    if (!has(FROM) || get(FROM_ADDR + VALUE_END) !== valueEndOf(FROM)) return FROM_MALFORMED;
    if (!has(TO) || get(TO_ADDR + VALUE_END) !== valueEndOf(TO)) return TO_MALFORMED;
  }
  if (!has(CALL_ID) || !isOneWord(valueStartOf(CALL_ID), valueEndOf(CALL_ID))) return CALL_ID_MALFORMED;
  if (get(CSEQ_NUMBER) < 0) return CSEQ_MALFORMED;
  return get(STATUS) === 0 && !isSameMethod() ? CSEQ_OTHER_METHOD : NO_PROBLEM;
}

function hasUniqueBranch(): bool {
  return get(VIA_START) >= 0 && get(BRANCH_IS_UNIQUE) === 1;
}

function has(id: i32): bool {
  return get(FIRST_LINES + id) >= 0;
}

function isSameMethod(): bool {
  const method = get(METHOD);
  if (method !== OTHER_METHOD || get(CSEQ_METHOD) !== OTHER_METHOD) return method === get(CSEQ_METHOD);
  const start = get(CSEQ_METHOD_START);
  const length = get(METHOD_END);
  if (get(CSEQ_METHOD_END) - start !== length) return false;
  for (let i = 0; i < length; i++) if (at(i) !== at(start + i)) return false;
  return true;
}

function isOneWord(start: i32, end: i32): bool {
  return end > start && !hasSpace(start, end);
}
