import { hold, holdStartOf, holdTextOf, readMessage } from "../grammar/grammar.ts";
import { METHOD_END, PROBLEM, PROBLEM_END, PROBLEM_START, STATUS, TEXT_END } from "../grammar/places.ts";
import * as problems from "../grammar/problems.ts";
import { SHORT_MESSAGE } from "../grammar/regions.ts";
import { SipMessage } from "./message.ts";

/** What came of one datagram or one framed message. */
export type Parsed =
  | { readonly kind: "message"; readonly message: SipMessage }
  /** A request that is broken but tells enough to be answered with `status`. */
  | { readonly kind: "broken"; readonly message: SipMessage; readonly status: number; readonly reason: string }
  /** Nothing that an answer can be made for. */
  | { readonly kind: "hopeless"; readonly reason: string };

const NOT_SIP: Parsed = { kind: "hopeless", reason: "the start line is not SIP" };

/** What is wrong with a message, for people. */
const REASONS: readonly string[] = ((): string[] => {
  const texts: string[] = [];
  texts[problems.NO_END] = "no empty line ends the headers";
  texts[problems.URI_HAS_SPACE] = "the request line holds white space or brackets where none may be";
  texts[problems.URI_MALFORMED] = "the Request-URI is not a URI";
  // The next server might end a line there.
  texts[problems.STRAY] = "a header holds NUL, or a CR or LF that ends no line";
  texts[problems.NO_COLON] = "a header line has no name and colon";
  texts[problems.LENGTH_MALFORMED] = "Content-Length is not a number of bytes";
  texts[problems.LENGTH_TOO_LONG] = "Content-Length says more than what arrived";
  texts[problems.VIA_MISSING] = "there is no Via";
  texts[problems.VIA_MALFORMED] = "the topmost Via is malformed";
  texts[problems.FROM_MALFORMED] = "From is missing or malformed";
  texts[problems.TO_MALFORMED] = "To is missing or malformed";
  texts[problems.FROM_OR_TO_MISSING] = "From or To is missing";
  texts[problems.CALL_ID_MALFORMED] = "Call-ID is missing or malformed";
  texts[problems.CSEQ_MALFORMED] = "CSeq is missing or malformed";
  texts[problems.CSEQ_OTHER_METHOD] = "CSeq names another method than the request line";
  return texts;
})();

/**
 * Parses one SIP message (RFC 3261 §7). Keeps it as latin1 text and looks inside only as far as every proxy
 * must (§16.3 step 1): start line, header names, the five headers of a transaction, Content-Length.
 * @param bytes one datagram, or one message cut out of a stream; nothing of it is kept
 */
export function parseMessage(bytes: Buffer): Parsed {
  let text = holdTextOf(bytes);
  let { length } = text;
  let index = readMessage(length, false);
  let problem = index[PROBLEM]!;
  if (problem === problems.NO_PROBLEM) {
    if (index[TEXT_END]! < length) {
      text = holdStartOf(text, index[TEXT_END]!);
      // The index of a long message stands behind its text.
      if (length > SHORT_MESSAGE) index = readMessage(text.length, false);
    }
    return { kind: "message", message: new SipMessage(text, index) };
  }
  const isCut = problem === problems.NO_END;
  if (isCut) {
    const end = text.lastIndexOf("\r\n") + 2;
    if (end < 2) return NOT_SIP;
    text = `${text.slice(0, end)}\r\n`;
    ({ length } = text);
    hold(text);
    index = readMessage(length, true);
    problem = index[PROBLEM]!;
  }
  if (problem === problems.NOT_SIP) return NOT_SIP;
  let status = 400;
  let reason = REASONS[problem];
  if (problem === problems.HEADER_TWICE) {
    reason = `header ${text.slice(index[PROBLEM_START], index[PROBLEM_END])} stands twice`;
  } else if (problem === problems.VERSION_ODD) {
    const version = versionOf(text, index[METHOD_END]!);
    if (version === undefined) return NOT_SIP;
    if (isCut) reason = REASONS[problems.NO_END];
    else if (version === "SIP/2.0") reason = "the request line is malformed";
    else {
      status = 505;
      reason = `version ${version} is not supported`;
    }
  }
  if (index[STATUS] !== 0) return { kind: "hopeless", reason: reason! };
  text = holdStartOf(text, index[TEXT_END]!);
  return { kind: "broken", message: new SipMessage(text, readMessage(text.length, false)), status, reason: reason! };
}

/** What a start line that does not end as it should has in place of the version; undefined where that is nothing like it. */
function versionOf(text: string, methodEnd: number): string | undefined {
  const line = text.slice(methodEnd, text.indexOf("\r\n"));
  return /\s(SIP\/\d+\.\d+)\s*$/i.exec(line)?.[1]?.toUpperCase();
}
