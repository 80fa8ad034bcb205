import { beginParams, findParam, found, hold } from "../grammar/grammar.ts";
import {
  LINE_PLACES,
  LINES,
  LINES_END,
  PARAM_NAME_END,
  PARAM_NAME_START,
  PARAM_VALUE_END,
  PARAM_VALUE_START,
} from "../grammar/places.ts";
import { matchesIgnoringCase } from "../sip/chars.ts";
import type { SipMessage } from "../sip/message.ts";
import { parseNameAddr } from "../sip/name-addr.ts";
import { seconds } from "./digest.ts";

/** Everything that a REGISTER of ours says (RFC 3261 §10.2). */
export interface RegisterText {
  readonly via: string;
  readonly requestUri: string;
  /** The legacy address. */
  readonly address: string;
  readonly fromTag: string;
  readonly callId: string;
  readonly cseq: number;
  readonly contact: string;
  /** Seconds; 0 takes the binding away. */
  readonly expires: number;
  /** Whole header lines with our credentials, or "". */
  readonly credentials: string;
}

/** The head of a REGISTER, its empty line included. */
export function registerHead(text: RegisterText): string {
  const { via, requestUri, address, fromTag, callId, cseq, contact, expires, credentials } = text;
  return (
    `REGISTER ${requestUri} SIP/2.0\r\nVia: ${via}\r\nMax-Forwards: 70\r\n` +
    `From: <${address}>;tag=${fromTag}\r\nTo: <${address}>\r\nCall-ID: ${callId}\r\nCSeq: ${cseq} REGISTER\r\n` +
    `Contact: <${contact}>;expires=${expires}\r\nExpires: ${expires}\r\n${credentials}` +
    "User-Agent: Waypost\r\nContent-Length: 0\r\n\r\n"
  );
}

/** The values of a header that the core does not know by number; `lower` is its long name, `compact` its short one. */
export function headerValues(message: SipMessage, lower: string, compact = ""): string[] {
  const values: string[] = [];
  for (let at = LINES; at < message.index[LINES_END]!; at += LINE_PLACES) {
    const start = message.lineStart(at);
    for (const name of [lower, compact]) {
      const behind = message.text.charCodeAt(start + name.length);
      const ends = behind === 0x3a || behind === 0x20 || behind === 0x09;
      if (name !== "" && ends && matchesIgnoringCase(message.text, start, name)) values.push(message.valueAt(at));
    }
  }
  return values;
}

/** A Contact of a response to REGISTER, or of a redirection. */
export interface ContactValue {
  readonly uri: string;
  readonly expires: number | undefined;
}

/** All Contacts, in order; what is malformed is left out. */
export function contactsOf(message: SipMessage): ContactValue[] {
  return headerValues(message, "contact", "m").flatMap((value) => {
    const contacts: ContactValue[] = [];
    for (let start = 0; start < value.length; ) {
      const contact = parseNameAddr(value, start, value.length);
      if (contact === undefined) return contacts;
      const paramsAt = contact.uriStart + contact.uri.length;
      const paramsStart = value[paramsAt] === ">" ? paramsAt + 1 : paramsAt;
      contacts.push({ uri: contact.uri, expires: expiresOf(value, paramsStart, contact.end) });
      start = contact.end + 1;
    }
    return contacts;
  });
}

/** The `expires` among parameters. */
function expiresOf(value: string, start: number, end: number): number | undefined {
  let expires: number | undefined;
  hold(value);
  beginParams(start, end);
  while (findParam()) {
    const name = value.slice(found[PARAM_NAME_START], found[PARAM_NAME_END]);
    if (name.toLowerCase() !== "expires") continue;
    expires = seconds(value.slice(found[PARAM_VALUE_START], found[PARAM_VALUE_END]));
  }
  return expires;
}

/** Text as one character per byte of its UTF-8, as heads are written. */
export function utf8(text: string): string {
  return Buffer.from(text, "utf8").toString("latin1");
}

/** The phrase of a response in brackets, to be put behind its status, or "". */
export function reasonInBrackets({ text }: SipMessage): string {
  const phrase = text.slice(12, text.indexOf("\r\n")).trim().slice(0, 80);
  return phrase === "" ? "" : ` (${phrase})`;
}
