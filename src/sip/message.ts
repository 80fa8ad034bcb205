import { type CSeq, parseCSeq } from "./cseq.ts";
import { INDEX_STRIDE } from "./header-lines.ts";
import { Header, type HeaderId } from "./header-names.ts";
import { type NameAddr, parseNameAddr } from "./name-addr.ts";
import { octets } from "./octets.ts";
import type { SipUri } from "./uri.ts";
import { hasMagicCookie, parseVia, type Via } from "./via.ts";

/**
 * One SIP message: the latin1 text that arrived, its body included, and an index of the header lines. It is decoded
 * once: the headers of a transaction are parsed at once, others when they are asked for, and most are never looked at.
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
  /** The same, taken apart; undefined where it is no SIP URI. */
  readonly uri: SipUri | undefined;
  /** The status code of a response; 0 for a request. */
  readonly status: number;
  /** True when some header has a one-letter name (§7.3.3). */
  readonly hasCompactNames: boolean;

  /** The topmost Via value; this and the three below are undefined where there is none or it is malformed. */
  readonly topVia: Via | undefined;
  /** This and `to` also where `endsTransaction`: nobody looks at them then. */
  readonly from: NameAddr | undefined;
  readonly to: NameAddr | undefined;
  readonly cseq: CSeq | undefined;
  readonly callId: string;

  constructor(
    text: string,
    start: Pick<SipMessage, "method" | "requestUri" | "uri" | "status">,
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
    this.uri = start.uri;
    this.status = start.status;
    this.hasCompactNames = hasCompactNames;
    const bytes = octets(text);
    const via = index[Header.Via]!;
    this.topVia = via < 0 ? undefined : parseVia(text, bytes, index[via + 2]!, index[via + 3]!);
    const isRead = !this.endsTransaction;
    const from = index[Header.From]!;
    this.from = isRead && from >= 0 ? parseNameAddr(text, bytes, index[from + 2]!, index[from + 3]!) : undefined;
    const to = index[Header.To]!;
    this.to = isRead && to >= 0 ? parseNameAddr(text, bytes, index[to + 2]!, index[to + 3]!) : undefined;
    const cseq = index[Header.CSeq]!;
    this.cseq = cseq < 0 ? undefined : parseCSeq(text, bytes, index[cseq + 2]!, index[cseq + 3]!);
    const callId = index[Header.CallId]!;
    this.callId = callId < 0 ? "" : text.slice(index[callId + 2]!, index[callId + 3]!);
  }

  /** True for an ACK that goes no further: its topmost Via alone tells which transaction it ends (§17.2.3). */
  get endsTransaction(): boolean {
    return this.method === "ACK" && this.index[Header.Route]! < 0 && hasMagicCookie(this.topVia);
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
