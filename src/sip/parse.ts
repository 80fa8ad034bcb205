import { matchesIgnoringCase, parseDecimal, skipToken } from "./chars.ts";
import { HeaderLines, hasStray, STRAY } from "./header-lines.ts";
import { Header } from "./header-names.ts";
import { SipMessage } from "./message.ts";
import { uriKind } from "./uri.ts";

/** What came of one datagram or one framed message. */
export type Parsed =
  | { readonly kind: "message"; readonly message: SipMessage }
  /** A request that is broken but tells enough to be answered with `status`. */
  | { readonly kind: "broken"; readonly message: SipMessage; readonly status: number; readonly reason: string }
  /** Nothing that an answer can be made for. */
  | { readonly kind: "hopeless"; readonly reason: string };

const NOT_SIP: Parsed = { kind: "hopeless", reason: "the start line is not SIP" };
const HEAD_END = Buffer.from("\r\n\r\n", "latin1");
const LINE_END = Buffer.from("\r\n", "latin1");
const LINES = new HeaderLines();

/**
 * Parses one SIP message (RFC 3261 §7). Keeps the head as latin1 text and looks inside only as far as every proxy
 * must (§16.3 step 1): start line, header names, the five headers of a transaction, Content-Length.
 * @param bytes one datagram, or one message cut out of a stream; nothing of it is kept
 */
export function parseMessage(bytes: Buffer): Parsed {
  let problem = "";
  let problemStatus = 400;
  let headersEnd = bytes.indexOf(HEAD_END) + 2;
  if (headersEnd < 2) {
    problem = "no empty line ends the headers";
    headersEnd = bytes.lastIndexOf(LINE_END) + 2;
    if (headersEnd < 2) return NOT_SIP;
    bytes = Buffer.concat([bytes.subarray(0, headersEnd), LINE_END]);
  }
  const head = bytes.toString("latin1", 0, headersEnd + 2);
  const startEnd = head.indexOf("\r\n");

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

  if (hasStray(head, startEnd)) problem ||= STRAY;
  LINES.read(bytes, startEnd + 2, headersEnd);
  problem ||= LINES.problem;
  const { index, contentLengthAt } = LINES;

  let bodyEnd = bytes.length;
  if (contentLengthAt >= 0) {
    const length = parseDecimal(head, index[contentLengthAt + 2]!, index[contentLengthAt + 3]!, 0x7fffffff);
    if (length < 0) problem ||= "Content-Length is not a number of bytes";
    else if (length > bodyEnd - head.length) problem ||= "Content-Length says more than what arrived";
    bodyEnd = problem === "" ? head.length + length : head.length;
  }
  const body = bodyEnd > head.length ? bytes.toString("latin1", head.length, bodyEnd) : "";

  const message = new SipMessage({
    head,
    body,
    index,
    headersStart: startEnd + 2,
    headersEnd,
    method,
    requestUri,
    status,
    hasCompactNames: LINES.hasCompactNames,
  });
  problem ||= checkTransactionHeaders(message);
  if (problem === "") return { kind: "message", message };
  if (!message.isRequest) return { kind: "hopeless", reason: problem };
  return { kind: "broken", message, status: problemStatus, reason: problem };
}

function startsLikeResponse(head: string): boolean {
  return matchesIgnoringCase(head, 0, "sip/2.0 ");
}

function hasSpaceOrBracket(uri: string): boolean {
  for (let i = 0; i < uri.length; i++) {
    const c = uri.charCodeAt(i);
    if (c <= 0x20 || c === 0x3c || c === 0x3e || c === 0x22) return true;
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
