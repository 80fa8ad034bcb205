import { parseDecimal, skipToken } from "./chars.ts";
import { Header, headerId } from "./header-names.ts";
import { INDEX_STRIDE, SipMessage } from "./message.ts";
import { uriKind } from "./uri.ts";

/** What came of one datagram or one framed message. */
export type Parsed =
  | { readonly kind: "message"; readonly message: SipMessage }
  /** A request that is broken but tells enough to be answered with `status`. */
  | { readonly kind: "broken"; readonly message: SipMessage; readonly status: number; readonly reason: string }
  /** Nothing that an answer can be made for. */
  | { readonly kind: "hopeless"; readonly reason: string };

const NOT_SIP: Parsed = { kind: "hopeless", reason: "the start line is not SIP" };
/** Headers that may stand only once (§7.3.1), as bits; two of them could be read two ways by two servers. */
const SINGLE =
  (1 << Header.From) |
  (1 << Header.To) |
  (1 << Header.CallId) |
  (1 << Header.CSeq) |
  (1 << Header.MaxForwards) |
  (1 << Header.ContentLength);
/** Where the index of a head grows; a message takes a copy of the right length, in one go. */
const SCRATCH: number[] = [];

/**
 * Parses one SIP message (RFC 3261 §7). Keeps the head as latin1 text and looks inside only as far as every proxy
 * must (§16.3 step 1): start line, header names, the five headers of a transaction, Content-Length.
 * @param bytes one datagram, or one message cut out of a stream; nothing of it is kept
 */
export function parseMessage(bytes: Buffer): Parsed {
  const arrived = bytes.toString("latin1");
  let text = arrived;
  let problem = "";
  let problemStatus = 400;
  let empty = text.indexOf("\r\n\r\n");
  if (empty < 0) {
    problem = "no empty line ends the headers";
    empty = text.lastIndexOf("\r\n");
    if (empty < 0) return NOT_SIP;
    text = `${text.slice(0, empty)}\r\n\r\n`;
  }
  const headersEnd = empty + 2;
  const head = text.slice(0, headersEnd + 2);
  const startEnd = head.indexOf("\r\n");
  const headersStart = startEnd + 2;

  let method = "";
  let requestUri = "";
  let status = 0;
  if (startsLikeResponse(head)) {
    status = parseDecimal(head, 8, 11, 699);
    const behind = head.charCodeAt(11);
    if (status < 100 || (behind !== 0x20 && startEnd !== 11)) return NOT_SIP;
  } else {
    const methodEnd = skipToken(head, 0, startEnd);
    if (methodEnd === 0 || head.charCodeAt(methodEnd) !== 0x20) return NOT_SIP;
    method = head.slice(0, methodEnd);
    if (head.startsWith(" SIP/2.0", startEnd - 8)) {
      requestUri = head.slice(methodEnd + 1, startEnd - 8);
      if (requestUri.length === 0 || hasSpaceOrBracket(requestUri)) {
        problem = "the request line holds white space or brackets where none may be";
      } else if (uriKind(requestUri) === "malformed") problem = "the Request-URI is not a URI";
    } else {
      const version = /\s(SIP\/\d+\.\d+)\s*$/i.exec(head.slice(methodEnd, startEnd))?.[1]?.toUpperCase();
      if (version === undefined) return NOT_SIP;
      problemStatus = version === "SIP/2.0" ? 400 : 505;
      problem = version === "SIP/2.0" ? "the request line is malformed" : `version ${version} is not supported`;
    }
  }

  let used = 0;
  // A bare LF or CR is harmless to us, but the next server might end a line there.
  let stray = head.indexOf("\n") !== startEnd + 1 || head.indexOf("\r") !== startEnd;
  let hasCompactNames = false;
  let seen = 0;
  let contentLengthAt = -1;
  for (let p = headersStart; p < headersEnd; ) {
    let lf = head.indexOf("\n", p);
    stray ||= head.indexOf("\r", p) !== lf - 1;
    for (let next = head.charCodeAt(lf + 1); next === 0x20 || next === 0x09; next = head.charCodeAt(lf + 1)) {
      const fold = lf + 1;
      lf = head.indexOf("\n", fold);
      stray ||= head.indexOf("\r", fold) !== lf - 1;
    }
    const lineEnd = lf - 1;
    const nameEnd = skipToken(head, p, lineEnd);
    let i = nameEnd;
    // `To :` is allowed (§25.1 HCOLON), a fold before the colon is not.
    while (head.charCodeAt(i) === 0x20 || head.charCodeAt(i) === 0x09) i++;
    if (nameEnd === p || head.charCodeAt(i) !== 0x3a) {
      problem ||= "a header line has no name and colon";
      p = lf + 1;
      continue;
    }
    const id = headerId(head, p, nameEnd);
    if (nameEnd - p === 1) hasCompactNames = true;
    let valueStart = i + 1;
    let valueEnd = lineEnd;
    while (valueStart < valueEnd && head.charCodeAt(valueStart) <= 0x20) valueStart++;
    while (valueEnd > valueStart && head.charCodeAt(valueEnd - 1) <= 0x20) valueEnd--;
    const bit = 1 << id;
    if ((bit & SINGLE) !== 0) {
      if ((seen & bit) !== 0) problem ||= `header ${head.slice(p, nameEnd)} stands twice`;
      seen |= bit;
      if (id === Header.ContentLength) contentLengthAt = used;
    }
    SCRATCH[used] = id;
    SCRATCH[used + 1] = p;
    SCRATCH[used + 2] = valueStart;
    SCRATCH[used + 3] = valueEnd;
    used += INDEX_STRIDE;
    p = lf + 1;
  }
  const index = SCRATCH.slice(0, used);
  if (stray || hasNul(head)) problem ||= "a header holds NUL, or a CR or LF that ends no line";

  let body = "";
  const available = Math.max(0, arrived.length - head.length);
  if (contentLengthAt >= 0) {
    const length = parseDecimal(head, index[contentLengthAt + 2]!, index[contentLengthAt + 3]!, 0x7fffffff);
    if (length < 0) problem ||= "Content-Length is not a number of bytes";
    else if (length > available) problem ||= "Content-Length says more than what arrived";
    else body = arrived.slice(head.length, head.length + length);
  } else if (available > 0) body = arrived.slice(head.length);

  const message = new SipMessage({
    head,
    body,
    index,
    headersStart,
    headersEnd,
    method,
    requestUri,
    status,
    hasCompactNames,
  });
  problem ||= checkTransactionHeaders(message);
  if (problem === "") return { kind: "message", message };
  if (!message.isRequest) return { kind: "hopeless", reason: problem };
  return { kind: "broken", message, status: problemStatus, reason: problem };
}

function startsLikeResponse(head: string): boolean {
  return head.startsWith("SIP/2.0 ") || head.slice(0, 8).toUpperCase() === "SIP/2.0 ";
}

function hasSpaceOrBracket(uri: string): boolean {
  for (let i = 0; i < uri.length; i++) {
    const c = uri.charCodeAt(i);
    if (c <= 0x20 || c === 0x3c || c === 0x3e || c === 0x22) return true;
  }
  return false;
}

function hasNul(head: string): boolean {
  for (let nul = head.indexOf("\0"); nul >= 0; nul = head.indexOf("\0", nul + 1)) {
    // Escaped in a quoted string it is allowed (§25.1 quoted-pair).
    if (head.charCodeAt(nul - 1) !== 0x5c) return true;
  }
  return false;
}

/** The headers without which there is no transaction (§8.1.1, §16.3 step 1). @returns what is wrong, or "" */
function checkTransactionHeaders(message: SipMessage): string {
  if (message.find(Header.Via) < 0) return "there is no Via";
  if (message.topVia === undefined) return "the topmost Via is malformed";
  if (message.from === undefined || message.from.end !== endOf(message, Header.From))
    return "From is missing or malformed";
  if (message.to === undefined || message.to.end !== endOf(message, Header.To)) return "To is missing or malformed";
  const callId = message.callId;
  if (callId === "" || !isOneWord(callId)) return "Call-ID is missing or malformed";
  if (message.cseq === undefined) return "CSeq is missing or malformed";
  if (message.isRequest && message.cseq.method !== message.method)
    return "CSeq names another method than the request line";
  return "";
}

function endOf(message: SipMessage, id: typeof Header.From | typeof Header.To): number {
  return message.index[message.find(id) + 3]!;
}

function isOneWord(s: string): boolean {
  for (let i = 0; i < s.length; i++) if (s.charCodeAt(i) <= 0x20) return false;
  return true;
}
