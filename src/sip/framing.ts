/** Why a byte stream cannot be cut into SIP messages any more. The stream is of no use after any of these. */
export type FramingErrorKind =
  | "content-length-missing"
  | "content-length-malformed"
  | "content-length-conflict"
  | "head-too-long"
  | "message-too-long"
  | "http"
  | "tls"
  | "not-sip";

/** What each kind means, for people. Never quotes the peer's bytes. */
export const FRAMING_ERROR_TEXT: Readonly<Record<FramingErrorKind, string>> = {
  "content-length-missing": "Content-Length missing",
  "content-length-malformed": "Content-Length is not a number",
  "content-length-conflict": "two Content-Length headers disagree",
  "head-too-long": "the head of the message is too long",
  "message-too-long": "the message is too long",
  http: "the peer speaks HTTP, not SIP",
  tls: "the peer speaks TLS on a port without TLS",
  "not-sip": "the bytes are not SIP",
};

/** Hard limits, in bytes; both default to 65536. */
export interface FramingLimits {
  /** Start line, headers and the empty line. */
  readonly maxHeadBytes?: number;
  /** Head and body together. */
  readonly maxMessageBytes?: number;
}

const CR = 13;
const LF = 10;
const SP = 32;
const TAB = 9;
const COLON = 58;
const DASH = 45;
const LINE_END = Buffer.from("\r\n", "latin1");
const CONTENT_LENGTH = Buffer.from("content-length", "latin1");
const C = 0x63;
const L = 0x6c;
/** The bit that makes an ASCII letter a small one. */
const SMALL = 0x20;
/** The bytes it takes to tell an HTTP request from a SIP one: `OPTIONS *` is the longest. */
const SIGNATURE_BYTES = 9;
const HTTP_OPENINGS = [
  "GET ",
  "POST ",
  "HEAD ",
  "PUT ",
  "DELETE ",
  "CONNECT ",
  "PATCH ",
  "TRACE ",
  "PRI ",
  "HTTP/",
  "OPTIONS /",
  "OPTIONS *",
];

/** 1 for the bytes that the openings begin with, so that one look at most messages is enough. */
const HTTP_INITIALS = new Uint8Array(256);
for (const opening of HTTP_OPENINGS) HTTP_INITIALS[opening.charCodeAt(0)] = 1;

/**
 * Cuts the bytes of one connection into SIP messages (RFC 3261 §18.3).
 *
 * Feed every chunk with `push`, then call `next` until it returns undefined. After an error (see `error`)
 * nothing more comes out: where the next message would begin is unknown, so the connection has to be closed.
 *
 * A missing Content-Length is an error, not zero. RFC 3261 §18.3 demands the header on streams, every client
 * named in this project sends it, and taking it for zero would read a body as the next message, which lets
 * whoever writes the body write requests.
 *
 * Lines end in CRLF and in nothing else; a lone CR or LF is part of a header's value here.
 */
export class StreamFraming {
  readonly #maxHeadBytes: number;
  readonly #maxMessageBytes: number;
  /** Holds what is not handed out yet at [start, end). Handed-out messages share its memory: bytes before `end` never change. */
  #bytes: Buffer = Buffer.alloc(0);
  #start = 0;
  #end = 0;
  /** Up to here the head has been looked at; each of its bytes is, once. */
  #scanned = 0;
  /** Where the line begins that is being looked at. */
  #line = 0;
  /** Where the value of the last Content-Length begins, and how many there are. */
  #lengthAt = 0;
  #lengthLines = 0;
  /** Length of the message that begins at `start`; 0 while its head is incomplete. */
  #messageLength = 0;
  #signatureChecked = false;
  #oddCrlf = false;
  #error: FramingErrorKind | undefined;

  constructor(limits: FramingLimits = {}) {
    this.#maxHeadBytes = limits.maxHeadBytes ?? 65536;
    this.#maxMessageBytes = limits.maxMessageBytes ?? 65536;
  }

  /** Why `next` gives nothing more, ever; undefined while the stream is good. */
  get error(): FramingErrorKind | undefined {
    return this.#error;
  }

  /** True when the stream stands inside a message, so that an end here cuts it off. */
  get midMessage(): boolean {
    return this.#end > this.#start;
  }

  /** Takes over the bytes of `chunk`; the caller must not change them afterwards. */
  push(chunk: Buffer): void {
    if (this.#error !== undefined || chunk.length === 0) return;
    if (this.#start === this.#end) {
      this.#bytes = chunk;
      this.#end = chunk.length;
      this.#begin(0);
      return;
    }
    if (this.#bytes.length - this.#end < chunk.length) this.#makeRoom(chunk.length);
    chunk.copy(this.#bytes, this.#end);
    this.#end += chunk.length;
  }

  /**
   * The next whole message; or `"ping"` for a double CRLF between messages, which the transport answers with a
   * CRLF (RFC 5626 §3.5.1); or undefined when more bytes are needed or the stream is in error.
   * A single CRLF (a pong, or padding after a body) is skipped.
   */
  next(): Buffer | "ping" | undefined {
    if (this.#error !== undefined) return undefined;
    if (this.#messageLength === 0) {
      if (this.#skipCrlf()) return "ping";
      if (this.#start === this.#end || !this.#readHead()) return undefined;
    }
    const length = this.#messageLength;
    if (this.#end - this.#start < length) return undefined;
    const message = this.#bytes.subarray(this.#start, this.#start + length);
    this.#begin(this.#start + length);
    return message;
  }

  /** The next message begins here. */
  #begin(at: number): void {
    this.#start = at;
    this.#scanned = at;
    this.#line = at;
    this.#lengthLines = 0;
    this.#messageLength = 0;
    this.#signatureChecked = false;
  }

  /** Moves what is unfinished into a buffer with space for `more`: exactly the message when its length is known, else twice the need. */
  #makeRoom(more: number): void {
    const held = this.#end - this.#start;
    const roomy = Buffer.allocUnsafeSlow(
      Math.max(this.#messageLength, held + more, this.#messageLength ? 0 : 2 * held),
    );
    this.#bytes.copy(roomy, 0, this.#start, this.#end);
    this.#scanned -= this.#start;
    this.#line -= this.#start;
    this.#lengthAt -= this.#start;
    this.#bytes = roomy;
    this.#start = 0;
    this.#end = held;
  }

  /** Skips CRLFs before a start line (RFC 3261 §7.5); true for every second one of a row. */
  #skipCrlf(): boolean {
    const bytes = this.#bytes;
    while (this.#end - this.#start >= 2 && bytes[this.#start] === CR && bytes[this.#start + 1] === LF) {
      this.#begin(this.#start + 2);
      this.#oddCrlf = !this.#oddCrlf;
      if (!this.#oddCrlf) return true;
    }
    return false;
  }

  /** Finds the end of the head and the length of the message; false when the head is incomplete or in error. */
  #readHead(): boolean {
    const held = this.#end - this.#start;
    if (held === 1 && this.#bytes[this.#start] === CR) return false;
    this.#oddCrlf = false;
    const headEnd = this.#scanHead();
    if (!this.#signatureChecked && !this.#checkSignature(held, headEnd >= 0)) return false;
    const headLength = headEnd < 0 ? held : headEnd - this.#start;
    if (headLength > this.#maxHeadBytes) return this.#fail("head-too-long");
    if (headEnd < 0) return false;
    const bodyLength = this.#bodyLength(headEnd - 4);
    if (typeof bodyLength === "string") return this.#fail(bodyLength);
    if (headLength + bodyLength > this.#maxMessageBytes) return this.#fail("message-too-long");
    this.#messageLength = headLength + bodyLength;
    return true;
  }

  /** Goes on through the lines of the head, noting those that are a Content-Length. @returns where the body begins, or -1 */
  #scanHead(): number {
    // What lies behind the end is no part of the stream.
    const bytes = this.#bytes.length === this.#end ? this.#bytes : this.#bytes.subarray(0, this.#end);
    let line = this.#line;
    // Of all ways to find the line ends, the search for one byte is the fastest by far.
    for (let at = bytes.indexOf(LF, this.#scanned); at >= 0; at = bytes.indexOf(LF, at + 1)) {
      if (at === line || bytes[at - 1] !== CR) continue;
      if (at - 1 === line) return at + 1;
      const first = bytes[line]! | SMALL;
      if ((first === C || first === L) && line !== this.#start) {
        const value = contentLengthValue(bytes, line);
        if (value >= 0) {
          this.#lengthAt = value;
          this.#lengthLines++;
        }
      }
      line = at + 1;
    }
    this.#line = line;
    this.#scanned = this.#end;
    return -1;
  }

  /** What the head says about its body. @param end the CRLF that ends its last line */
  #bodyLength(end: number): number | FramingErrorKind {
    if (this.#lengthLines > 1) return oneLength(this.#bytes, this.#start, end);
    if (this.#lengthLines === 0) return "content-length-missing";
    return lengthAt(this.#bytes, this.#lengthAt, end) ?? "content-length-malformed";
  }

  /** Looks once at the first bytes of a message for protocols that knock on the wrong door; false when it is one. */
  #checkSignature(held: number, headComplete: boolean): boolean {
    const first = this.#bytes[this.#start]!;
    // TLS handshake record; SSL 2 hellos start with the top bit set and end in not-sip.
    if (first === 0x16) return this.#fail("tls");
    if (first <= SP || first >= 0x7f) return this.#fail("not-sip");
    if (held < SIGNATURE_BYTES && !headComplete) return true;
    this.#signatureChecked = true;
    if (HTTP_INITIALS[first] === 0) return true;
    const opening = this.#bytes.toString("latin1", this.#start, this.#start + Math.min(held, SIGNATURE_BYTES));
    return HTTP_OPENINGS.some((http) => opening.startsWith(http)) ? this.#fail("http") : true;
  }

  #fail(kind: FramingErrorKind): false {
    this.#error = kind;
    this.#bytes = Buffer.alloc(0);
    this.#end = 0;
    this.#begin(0);
    return false;
  }
}

/** The number that all lines with a Content-Length agree on. @param end the CRLF that ends the last line of the head */
function oneLength(bytes: Buffer, start: number, end: number): number | FramingErrorKind {
  let length: number | undefined;
  for (let at = bytes.indexOf(LINE_END, start); at < end; at = bytes.indexOf(LINE_END, at + 2)) {
    const value = contentLengthValue(bytes, at + 2);
    if (value < 0) continue;
    const number = lengthAt(bytes, value, end);
    if (number === undefined) return "content-length-malformed";
    if (length !== undefined && length !== number) return "content-length-conflict";
    length = number;
  }
  return length ?? "content-length-missing";
}

/** What the Content-Length says whose value begins at `value`, its folds included; undefined for no number. */
function lengthAt(bytes: Buffer, value: number, end: number): number | undefined {
  let valueEnd = bytes.indexOf(CR, value);
  while (valueEnd < end && (bytes[valueEnd + 1] !== LF || isBlank(bytes[valueEnd + 2]))) {
    valueEnd = bytes.indexOf(CR, valueEnd + 1);
  }
  return parseLength(bytes, value, valueEnd);
}

/** Where the value starts when the line at `at` is a Content-Length in long or compact form, else -1 (RFC 3261 §7.3.1, §20.14). */
function contentLengthValue(bytes: Buffer, at: number): number {
  let nameEnd = at + 1;
  if ((bytes[at]! | SMALL) === C) {
    while (nameEnd - at < CONTENT_LENGTH.length) {
      const wanted = CONTENT_LENGTH[nameEnd - at];
      const byte = bytes[nameEnd]!;
      if (byte !== wanted && (wanted === DASH || (byte | SMALL) !== wanted)) return -1;
      nameEnd++;
    }
  } else if ((bytes[at]! | SMALL) !== L) return -1;
  while (isBlank(bytes[nameEnd])) nameEnd++;
  return bytes[nameEnd] === COLON ? nameEnd + 1 : -1;
}

/** Digits with white space (folds included) around them; undefined for anything else. Huge values come out huge, not wrong. */
function parseLength(bytes: Buffer, from: number, to: number): number | undefined {
  let at = from;
  let last = to;
  while (at < last && isLinearSpace(bytes[at])) at++;
  while (last > at && isLinearSpace(bytes[last - 1])) last--;
  if (at === last) return undefined;
  let number = 0;
  for (; at < last; at++) {
    const digit = bytes[at]! - 48;
    if (digit < 0 || digit > 9) return undefined;
    number = number * 10 + digit;
  }
  return number;
}

function isBlank(byte: number | undefined): boolean {
  return byte === SP || byte === TAB;
}

function isLinearSpace(byte: number | undefined): boolean {
  return byte === SP || byte === TAB || byte === CR || byte === LF;
}
