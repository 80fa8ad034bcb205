import { headerId, hold, skipLws, skipQuoted } from "../grammar/grammar.ts";
import { matchesIgnoringCase } from "./chars.ts";
import { Header } from "./header-names.ts";
import { branchKey } from "./transaction/key.ts";
import { parseVia, type Via, withSource } from "./via.ts";

/**
 * What a message is for somebody who has no time to read it:
 * - `vital`: a response, or a request that ends or completes something (ACK, CANCEL, BYE). To refuse it would cost more.
 * - `in-dialog`: another request with a To tag.
 * - `new`: a request that opens something.
 * - `unknown`: nothing that an answer can be made for.
 */
export type UnreadKind = "vital" | "in-dialog" | "new" | "unknown";

const VITAL = ["SIP/2.0 ", "ACK ", "CANCEL ", "BYE "].map((text) => Buffer.from(text, "latin1"));
const VERSION = Buffer.from(" SIP/2.0", "latin1");
/** What a peer that takes a lone CR, or a NUL, for the end of a line would read as lines of ours. */
const BROKEN_LINE = /\r(?!\n)|\0/;
const HEAD_END = Buffer.from("\r\n\r\n", "latin1");
/** Whoever sends a longer head waits for the parser. */
const MAX_HEAD = 16_384;
const LF = 10;
const TAB = 9;
const SP = 32;
const COLON = 58;
const QUOTE = 34;
const T = 0x74;
const O = 0x6f;
const TAG = /;[ \t\r\n]*tag[ \t\r\n]*=/i;

/** Tells what a message is from its bytes alone, without making text of them. */
export function unreadKind(bytes: Buffer): UnreadKind {
  if (
    VITAL.some((start) => bytes.length > start.length && bytes.compare(start, 0, start.length, 0, start.length) === 0)
  )
    return "vital";
  if (!beginsAsRequest(bytes)) return "unknown";
  const to = findTo(bytes);
  if (to === undefined) return "unknown";
  return hasTag(bytes.toString("latin1", to.start, to.end)) ? "in-dialog" : "new";
}

/** Whether the first line ends as a Request-Line does (§7.1): what is none gets no answer. */
function beginsAsRequest(bytes: Buffer): boolean {
  const lf = bytes.indexOf(LF);
  const end = lf > 0 && bytes[lf - 1] === 13 ? lf - 1 : lf;
  const start = end - VERSION.length;
  return start > 0 && bytes.compare(VERSION, 0, VERSION.length, start, end) === 0;
}

/** Whether the value of a To header has a tag. One inside the brackets, or in the quotes, is none. */
function hasTag(value: string): boolean {
  hold(value);
  let at = skipLws(0, value.length);
  if (value.charCodeAt(at) === QUOTE) at = skipQuoted(at, value.length);
  const open = value.indexOf("<", at);
  return TAG.test(open < 0 ? value : value.slice(value.indexOf(">", open) + 1));
}

/** Where the value of the first To header stands, its folds included. */
function findTo(bytes: Buffer): { start: number; end: number } | undefined {
  for (let line = bytes.indexOf(LF) + 1; line > 0; line = bytes.indexOf(LF, line) + 1) {
    const first = bytes[line];
    if (first === 13 || first === undefined) return undefined;
    if ((first | 0x20) !== T) continue;
    let at = line + 1;
    if ((bytes[at]! | 0x20) === O) at++;
    while (bytes[at] === SP || bytes[at] === TAB) at++;
    if (bytes[at] !== COLON) continue;
    let end = bytes.indexOf(LF, at);
    while (end >= 0 && (bytes[end + 1] === SP || bytes[end + 1] === TAB)) end = bytes.indexOf(LF, end + 1);
    return end < 0 ? undefined : { start: at + 1, end };
  }
  return undefined;
}

/**
 * The key of the server transaction that an unread request would belong to, if it is a repetition.
 * @returns undefined where that cannot be told by its topmost Via alone
 */
export function unreadKey(bytes: Buffer): string | undefined {
  const headEnd = bytes.indexOf(HEAD_END);
  if (headEnd < 0 || headEnd > MAX_HEAD) return undefined;
  const head = bytes.toString("latin1", 0, headEnd + 2);
  for (let line = head.indexOf("\n") + 1; line > 0; line = head.indexOf("\n", line) + 1) {
    const colon = head.indexOf(":", line);
    if (colon < 0) return undefined;
    let nameEnd = colon;
    while (nameEnd > line && isBlank(head.charCodeAt(nameEnd - 1))) nameEnd--;
    if (headerOf(head, line, nameEnd) !== Header.Via) continue;
    let end = head.indexOf("\n", colon);
    while (isBlank(head.charCodeAt(end + 1))) end = head.indexOf("\n", end + 1);
    const via = parseVia(head, colon + 1, head.charCodeAt(end - 1) === 13 ? end - 1 : end);
    return via && branchKey(head.slice(0, head.indexOf(" ")), via);
  }
  return undefined;
}

/** Where an unread request came from. */
export interface UnreadSource {
  readonly address: string;
  readonly port: number;
}

/** A refusal, and the port at the source's address to which a datagram with it goes (§18.2.2, RFC 3581 §4). */
export interface UnreadRefusal {
  readonly bytes: Buffer;
  readonly port: number;
}

/**
 * Makes a response to a request that was not parsed: Vias, From, To, Call-ID and CSeq are copied line by line (§8.2.6.2).
 * @param startLine such as `SIP/2.0 503 Service Unavailable`
 * @param toTag goes into To where it has no tag
 * @param headers whole lines
 * @returns undefined when the bytes do not tell enough for an answer
 */
export function refuseUnread(
  bytes: Buffer,
  source: UnreadSource,
  startLine: string,
  toTag: string,
  headers: string,
): UnreadRefusal | undefined {
  const headEnd = bytes.indexOf(HEAD_END);
  if (headEnd < 0 || headEnd > MAX_HEAD) return undefined;
  const head = bytes.toString("latin1", 0, headEnd + 2);
  if (BROKEN_LINE.test(head)) return undefined;
  let out = `${startLine}\r\n`;
  let top: Via | undefined;
  let seen = 0;
  for (let line = head.indexOf("\n") + 1; line < head.length; ) {
    let end = head.indexOf("\n", line);
    while (head.charCodeAt(end + 1) === SP || head.charCodeAt(end + 1) === TAB) end = head.indexOf("\n", end + 1);
    const colon = head.indexOf(":", line);
    let nameEnd = colon;
    while (nameEnd > line && isBlank(head.charCodeAt(nameEnd - 1))) nameEnd--;
    const id = colon < 0 || colon > end ? Header.Other : headerOf(head, line, nameEnd);
    const name = NAMES[id];
    // Of a header that may stand only once, the first counts.
    if (name !== undefined && (id === Header.Via || (seen & (1 << id)) === 0)) {
      const valueEnd = head.charCodeAt(end - 1) === 13 ? end - 1 : end;
      let value = head.slice(colon + 1, valueEnd);
      if (id === Header.Via && top === undefined) {
        top = parseVia(head, colon + 1, valueEnd);
        if (top === undefined) return undefined;
        value = ` ${withSource(head, top, source.address, source.port)}${head.slice(top.end, valueEnd)}`;
      } else if (id === Header.To && !hasTag(value)) value += `;tag=${toTag}`;
      out += `${name}:${value.startsWith(" ") ? "" : " "}${value}\r\n`;
      seen |= 1 << id;
    }
    line = end + 1;
  }
  if (top === undefined || (seen & NEEDED) !== NEEDED) return undefined;
  out += `${headers}Content-Length: 0\r\n\r\n`;
  const port = top.rport ? source.port : (top.port ?? (matchesIgnoringCase(top.transport, 0, "tls") ? 5061 : 5060));
  return { bytes: Buffer.from(out, "latin1"), port };
}

function headerOf(head: string, start: number, end: number): number {
  hold(head);
  return headerId(start, end);
}

/** Long names: legacy clients know no others. */
const NAMES: Readonly<Partial<Record<number, string>>> = {
  [Header.Via]: "Via",
  [Header.From]: "From",
  [Header.To]: "To",
  [Header.CallId]: "Call-ID",
  [Header.CSeq]: "CSeq",
};
const NEEDED = (1 << Header.Via) | (1 << Header.From) | (1 << Header.To) | (1 << Header.CallId) | (1 << Header.CSeq);

function isBlank(code: number): boolean {
  return code === SP || code === TAB;
}
