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
const HEAD_END = Buffer.from("\r\n\r\n", "latin1");
const LINE_END = Buffer.from("\r\n", "latin1");
const CONTENT_LENGTH = "content-length";
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
  /** Up to here no end of head begins. */
  #scanned = 0;
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
      this.#start = 0;
      this.#scanned = 0;
      this.#end = chunk.length;
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
    this.#start += length;
    this.#scanned = this.#start;
    this.#messageLength = 0;
    this.#signatureChecked = false;
    return message;
  }

  /** Moves what is unfinished into a buffer with space for `more`: exactly the message when its length is known, else twice the need. */
  #makeRoom(more: number): void {
    const held = this.#end - this.#start;
    const roomy = Buffer.allocUnsafeSlow(
      Math.max(this.#messageLength, held + more, this.#messageLength ? 0 : 2 * held),
    );
    this.#bytes.copy(roomy, 0, this.#start, this.#end);
    this.#scanned = Math.max(0, this.#scanned - this.#start);
    this.#bytes = roomy;
    this.#start = 0;
    this.#end = held;
  }

  /** Skips CRLFs before a start line (RFC 3261 §7.5); true for every second one of a row. */
  #skipCrlf(): boolean {
    const bytes = this.#bytes;
    while (this.#end - this.#start >= 2 && bytes[this.#start] === CR && bytes[this.#start + 1] === LF) {
      this.#start += 2;
      this.#scanned = this.#start;
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
    // A search that starts three bytes back sees an end of head split between chunks, and no byte more than once.
    const from = Math.max(this.#start, this.#scanned - 3);
    const at = this.#bytes.subarray(0, this.#end).indexOf(HEAD_END, from);
    this.#scanned = this.#end;
    if (!this.#signatureChecked && !this.#checkSignature(held, at >= 0)) return false;
    const headLength = at < 0 ? held : at + HEAD_END.length - this.#start;
    if (headLength > this.#maxHeadBytes) return this.#fail("head-too-long");
    if (at < 0) return false;
    const bodyLength = contentLengthOf(this.#bytes, this.#start, at);
    if (typeof bodyLength === "string") return this.#fail(bodyLength);
    if (headLength + bodyLength > this.#maxMessageBytes) return this.#fail("message-too-long");
    this.#messageLength = headLength + bodyLength;
    return true;
  }

  /** Looks once at the first bytes of a message for protocols that knock on the wrong door; false when it is one. */
  #checkSignature(held: number, headComplete: boolean): boolean {
    const first = this.#bytes[this.#start]!;
    // TLS handshake record; SSL 2 hellos start with the top bit set and end in not-sip.
    if (first === 0x16) return this.#fail("tls");
    if (first <= SP || first >= 0x7f) return this.#fail("not-sip");
    if (held < SIGNATURE_BYTES && !headComplete) return true;
    this.#signatureChecked = true;
    const opening = this.#bytes.toString("latin1", this.#start, this.#start + Math.min(held, SIGNATURE_BYTES));
    return HTTP_OPENINGS.some((http) => opening.startsWith(http)) ? this.#fail("http") : true;
  }

  #fail(kind: FramingErrorKind): false {
    this.#error = kind;
    this.#bytes = Buffer.alloc(0);
    this.#start = this.#end = this.#scanned = 0;
    return false;
  }
}

/** The Content-Length of the head at [start, end), where `end` is the CRLF that ends its last line. */
function contentLengthOf(bytes: Buffer, start: number, end: number): number | FramingErrorKind {
  let length: number | undefined;
  let lineEnd = bytes.indexOf(LINE_END, start);
  while (lineEnd >= 0 && lineEnd < end) {
    const line = lineEnd + 2;
    lineEnd = bytes.indexOf(LINE_END, line);
    const value = contentLengthValue(bytes, line);
    if (value < 0) continue;
    let valueEnd = lineEnd;
    while (valueEnd < end && isBlank(bytes[valueEnd + 2])) valueEnd = bytes.indexOf(LINE_END, valueEnd + 2);
    lineEnd = valueEnd;
    const number = parseLength(bytes, value, valueEnd);
    if (number === undefined) return "content-length-malformed";
    if (length !== undefined && length !== number) return "content-length-conflict";
    length = number;
  }
  return length ?? "content-length-missing";
}

/** Where the value starts when the line at `at` is a Content-Length in long or compact form, else -1 (RFC 3261 §7.3.1, §20.14). */
function contentLengthValue(bytes: Buffer, at: number): number {
  const first = bytes[at]! | 0x20;
  let nameEnd: number;
  if (first === 0x6c) {
    nameEnd = at + 1;
  } else if (
    first === 0x63 &&
    bytes.toString("latin1", at, at + CONTENT_LENGTH.length).toLowerCase() === CONTENT_LENGTH
  ) {
    nameEnd = at + CONTENT_LENGTH.length;
  } else {
    return -1;
  }
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
