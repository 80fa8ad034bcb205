import { type CSeq, parseCSeq } from "./cseq.ts";
import { INDEX_STRIDE } from "./header-lines.ts";
import { Header, type HeaderId } from "./header-names.ts";
import { type NameAddr, parseNameAddr } from "./name-addr.ts";
import { octets } from "./octets.ts";
import { readUri, type SipUri } from "./uri.ts";
import { parseVia, type Via } from "./via.ts";

/** A part that nobody has asked for yet. */
const UNREAD = null;

/**
 * One SIP message: the latin1 text that arrived, its body included, and an index of the header lines. It is decoded
 * once, headers are parsed when they are asked for, and most are never looked at.
 */
export class SipMessage {
  /** The message exactly as received (latin1: one character per byte); positions are positions in it. */
  readonly text: string;
  /** See HeaderLines. */
  readonly index: readonly number[];
  /** Position of the first header line. */
  readonly headersStart: number;
  /** Position of the empty line that ends the head. */
  readonly headersEnd: number;
  /** The method of a request; for a response the empty string. */
  readonly method: string;
  /** The Request-URI as it arrived; for a response the empty string. */
  readonly requestUri: string;
  /** The status code of a response; 0 for a request. */
  readonly status: number;
  /** True when some header has a one-letter name (§7.3.3). */
  readonly hasCompactNames: boolean;

  private uriPart: SipUri | undefined | null = UNREAD;
  private topViaPart: Via | undefined | null = UNREAD;
  private fromPart: NameAddr | undefined | null = UNREAD;
  private toPart: NameAddr | undefined | null = UNREAD;
  private cseqPart: CSeq | undefined | null = UNREAD;
  private callIdPart: string | null = UNREAD;

  constructor(
    text: string,
    start: Pick<SipMessage, "method" | "requestUri" | "status">,
    index: readonly number[],
    headersStart: number,
    headersEnd: number,
    hasCompactNames: boolean,
  ) {
    this.text = text;
    this.index = index;
    this.headersStart = headersStart;
    this.headersEnd = headersEnd;
    this.method = start.method;
    this.requestUri = start.requestUri;
    this.status = start.status;
    this.hasCompactNames = hasCompactNames;
  }

  /** The Request-URI, taken apart; undefined where it is no SIP URI. */
  get uri(): SipUri | undefined {
    if (this.uriPart !== UNREAD) return this.uriPart;
    const start = this.method.length + 1;
    return (this.uriPart = readUri(this.text, octets(this.text), start, start + this.requestUri.length));
  }

  /** The topmost Via value; this and the three below are undefined where there is none or it is malformed. */
  get topVia(): Via | undefined {
    return this.topViaPart !== UNREAD ? this.topViaPart : (this.topViaPart = this.parsed(Header.Via, parseVia));
  }

  get from(): NameAddr | undefined {
    return this.fromPart !== UNREAD ? this.fromPart : (this.fromPart = this.parsed(Header.From, parseNameAddr));
  }

  get to(): NameAddr | undefined {
    return this.toPart !== UNREAD ? this.toPart : (this.toPart = this.parsed(Header.To, parseNameAddr));
  }

  get cseq(): CSeq | undefined {
    return this.cseqPart !== UNREAD ? this.cseqPart : (this.cseqPart = this.parsed(Header.CSeq, parseCSeq));
  }

  /** The empty string where there is none. */
  get callId(): string {
    return (this.callIdPart ??= this.value(Header.CallId) ?? "");
  }

  private parsed<T>(
    id: HeaderId,
    parse: (text: string, bytes: Uint8Array, start: number, end: number) => T | undefined,
  ): T | undefined {
    const at = this.index[id]!;
    return at < 0 ? undefined : parse(this.text, octets(this.text), this.index[at + 2]!, this.index[at + 3]!);
  }

  /** Start line, headers and the empty line. */
  get head(): string {
    return this.text.slice(0, this.headersEnd + 2);
  }

  get bodyLength(): number {
    return this.text.length - this.headersEnd - 2;
  }

  get isRequest(): boolean {
    return this.status === 0;
  }

  /** Index position of the first line of header `id`, or -1. */
  find(id: HeaderId): number {
    return this.index[id]!;
  }

  /** Index position of the next line of the same header as that at index position `at`, or -1. */
  findNext(at: number): number {
    const { index } = this;
    const id = index[at];
    for (let i = at + INDEX_STRIDE; i < index.length; i += INDEX_STRIDE) if (index[i] === id) return i;
    return -1;
  }

  /** The value at index position `at`: trimmed, folding kept. */
  valueAt(at: number): string {
    return this.text.slice(this.index[at + 2], this.index[at + 3]);
  }

  /** Start of the header line at index position `at`. */
  lineStart(at: number): number {
    return this.index[at + 1]!;
  }

  /** End of the header line at index position `at`, its CRLF included. */
  lineEnd(at: number): number {
    return this.index[at + INDEX_STRIDE + 1] ?? this.headersEnd;
  }

  /** The value of the first header `id`, or undefined. */
  value(id: HeaderId): string | undefined {
    const at = this.find(id);
    return at < 0 ? undefined : this.valueAt(at);
  }
}
