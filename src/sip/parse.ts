import { hold, holdStartOf, holdTextOf, readMessage } from "../grammar/grammar.ts";
import { METHOD_END, PROBLEM, PROBLEM_END, PROBLEM_START, STATUS, TEXT_END } from "../grammar/places.ts";
import { HEADER_TWICE, NO_END, NO_PROBLEM, NOT_SIP, VERSION_ODD } from "../grammar/problems.ts";
import { SHORT_MESSAGE } from "../grammar/regions.ts";
import { SipMessage } from "./message.ts";
import { PROBLEM_TEXTS } from "./problem-texts.ts";

/** What came of one datagram or one framed message. */
export type Parsed =
  | { readonly kind: "message"; readonly message: SipMessage }
  /** A request that is broken but tells enough to be answered with `status`. */
  | { readonly kind: "broken"; readonly message: SipMessage; readonly status: number; readonly reason: string }
  /** Nothing that an answer can be made for. */
  | { readonly kind: "hopeless"; readonly reason: string };

const HOPELESS: Parsed = { kind: "hopeless", reason: "the start line is not SIP" };

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
  if (problem === NO_PROBLEM) {
    if (index[TEXT_END]! < length) {
      text = holdStartOf(text, index[TEXT_END]!);
      // The index of a long message stands behind its text.
      if (length > SHORT_MESSAGE) index = readMessage(text.length, false);
    }
    return { kind: "message", message: new SipMessage(text, index) };
  }
  const isCut = problem === NO_END;
  if (isCut) {
    const end = text.lastIndexOf("\r\n") + 2;
    if (end < 2) return HOPELESS;
    text = `${text.slice(0, end)}\r\n`;
    ({ length } = text);
    hold(text);
    index = readMessage(length, true);
    problem = index[PROBLEM]!;
  }
  if (problem === NOT_SIP) return HOPELESS;
  let status = 400;
  let reason = PROBLEM_TEXTS[problem];
  if (problem === HEADER_TWICE) {
    reason = `header ${text.slice(index[PROBLEM_START], index[PROBLEM_END])} stands twice`;
  } else if (problem === VERSION_ODD) {
    const version = versionOf(text, index[METHOD_END]!);
    if (version === undefined) return HOPELESS;
    if (isCut) reason = PROBLEM_TEXTS[NO_END];
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
