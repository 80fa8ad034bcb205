import { decimalAt, holdsAt, skipToken } from "./chars.ts";
import { HeaderLines } from "./header-lines.ts";
import { Header } from "./header-names.ts";
import { SipMessage } from "./message.ts";
import { octets, textOf } from "./octets.ts";
import { readUri, type SipUri, uriKind } from "./uri.ts";

/** What came of one datagram or one framed message. */
export type Parsed =
  | { readonly kind: "message"; readonly message: SipMessage }
  /** A request that is broken but tells enough to be answered with `status`. */
  | { readonly kind: "broken"; readonly message: SipMessage; readonly status: number; readonly reason: string }
  /** Nothing that an answer can be made for. */
  | { readonly kind: "hopeless"; readonly reason: string };

const NOT_SIP: Parsed = { kind: "hopeless", reason: "the start line is not SIP" };
const LINES = new HeaderLines();

/** What a start line says (§7.1, §7.2). It is read anew for each message, and taken out at once. */
const START = {
  method: "",
  requestUri: "",
  uri: undefined as SipUri | undefined,
  status: 0,
  problem: "",
  problemStatus: 400,
};

/**
 * Parses one SIP message (RFC 3261 §7). Keeps it as latin1 text and looks inside only as far as every proxy
 * must (§16.3 step 1): start line, header names, the five headers of a transaction, Content-Length.
 * @param bytes one datagram, or one message cut out of a stream; nothing of it is kept
 */
export function parseMessage(bytes: Buffer): Parsed {
  let text = textOf(bytes);
  const hasEnd = LINES.read(text, octets(text));
  if (!hasEnd) {
    const end = text.lastIndexOf("\r\n") + 2;
    if (end < 2) return NOT_SIP;
    text = `${text.slice(0, end)}\r\n`;
    LINES.read(text, octets(text));
  }
  const { index, startEnd, headersEnd } = LINES;
  if (!readStartLine(text, octets(text), startEnd)) return NOT_SIP;
  let problem = hasEnd ? START.problem : "no empty line ends the headers";
  const problemStatus = hasEnd ? START.problemStatus : 400;
  problem ||= LINES.problem;

  const headEnd = headersEnd + 2;
  const lengthAt = index[Header.ContentLength]!;
  let bodyEnd = text.length;
  if (lengthAt >= 0) {
    const length = decimalAt(octets(text), index[lengthAt + 2]!, index[lengthAt + 3]!, 0x7fffffff);
    if (length < 0) problem ||= "Content-Length is not a number of bytes";
    else if (length > bodyEnd - headEnd) problem ||= "Content-Length says more than what arrived";
    bodyEnd = problem === "" ? headEnd + length : headEnd;
  }
  if (bodyEnd < text.length) text = text.slice(0, bodyEnd);

  const message = new SipMessage(text, START, index, startEnd + 2, headersEnd, LINES.hasCompactNames);
  problem ||= checkTransactionHeaders(message);
  if (problem === "") return { kind: "message", message };
  if (!message.isRequest) return { kind: "hopeless", reason: problem };
  return { kind: "broken", message, status: problemStatus, reason: problem };
}

/** Reads the start line, which ends at `end`, into START. @returns false where it is not SIP */
function readStartLine(text: string, bytes: Uint8Array, end: number): boolean {
  START.method = START.requestUri = START.problem = "";
  START.uri = undefined;
  START.status = 0;
  START.problemStatus = 400;
  const i = skipToken(bytes, 0, end);
  // The slash of SIP/2.0 is no token character; that of a response stands at its place, a request has a space here.
  if (i === 3 && bytes[i] === 0x2f) {
    if (!holdsAt(bytes, 0, "sip/2.0 ")) return false;
    START.status = decimalAt(bytes, 8, 11, 699);
    return START.status >= 100 && (bytes[11] === 0x20 || end === 11);
  }
  if (i === 0 || bytes[i] !== 0x20) return false;
  START.method = text.slice(0, i);
  const uriStart = i + 1;
  const uriEnd = end - 8;
  if (!text.startsWith(" SIP/2.0", uriEnd)) {
    const version = /\s(SIP\/\d+\.\d+)\s*$/i.exec(text.slice(i, end))?.[1]?.toUpperCase();
    if (version === undefined) return false;
    START.problemStatus = version === "SIP/2.0" ? 400 : 505;
    START.problem = version === "SIP/2.0" ? "the request line is malformed" : `version ${version} is not supported`;
    return true;
  }
  START.requestUri = text.slice(uriStart, Math.max(uriStart, uriEnd));
  if (uriStart >= uriEnd || hasSpaceOrBracket(bytes, uriStart, uriEnd)) {
    START.problem = "the request line holds white space or brackets where none may be";
  } else if (uriKind(bytes, uriStart, uriEnd) === "malformed") START.problem = "the Request-URI is not a URI";
  else START.uri = readUri(text, bytes, uriStart, uriEnd);
  return true;
}

function hasSpaceOrBracket(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) {
    const c = bytes[i]!;
    if (c <= 0x20 || c === 0x3c || c === 0x3e || c === 0x22) return true;
  }
  return false;
}

/** The headers without which there is no transaction (§8.1.1, §16.3 step 1). @returns what is wrong, or "" */
function checkTransactionHeaders(message: SipMessage): string {
  const { index, topVia } = message;
  if (topVia === undefined) return index[Header.Via]! < 0 ? "there is no Via" : "the topmost Via is malformed";
  if (!message.endsTransaction) {
    if (message.from?.end !== index[index[Header.From]! + 3]) return "From is missing or malformed";
    if (message.to?.end !== index[index[Header.To]! + 3]) return "To is missing or malformed";
  } else if (index[Header.From]! < 0 || index[Header.To]! < 0) return "From or To is missing";
  const callIdAt = index[Header.CallId]!;
  if (callIdAt < 0 || !isOneWord(octets(message.text), index[callIdAt + 2]!, index[callIdAt + 3]!)) {
    return "Call-ID is missing or malformed";
  }
  if (message.cseq === undefined) return "CSeq is missing or malformed";
  if (message.isRequest && message.cseq.method !== message.method)
    return "CSeq names another method than the request line";
  return "";
}

function isOneWord(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (bytes[i]! <= 0x20) return false;
  return end > start;
}
