import { type CSeq, parseCSeq } from "./cseq.ts";
import { INDEX_STRIDE } from "./header-lines.ts";
import { Header, type HeaderId } from "./header-names.ts";
import { type NameAddr, parseNameAddr } from "./name-addr.ts";
import { parseUri, type SipUri } from "./uri.ts";
import { parseVia, type Via } from "./via.ts";

/**
 * One SIP message: its head as the latin1 text that arrived and an index of the header lines, its body as such text too.
 * Nothing is decoded twice: a header is parsed when first asked for, and what nobody asks for is never looked at.
 */
export class SipMessage {
  /** Start line, headers and the empty line, exactly as received (latin1: one character per byte). */
  readonly head: string;
  readonly body: string;
  /** INDEX_STRIDE numbers per header line, in the order of the lines. */
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

  /** Null where it is known that there is none. */
  private uriCache: SipUri | null | undefined;
  private viaCache: Via | undefined;
  private cseqCache: CSeq | undefined;
  private fromCache: NameAddr | undefined;
  private toCache: NameAddr | undefined;

  constructor(parts: {
    head: string;
    body: string;
    index: readonly number[];
    headersStart: number;
    headersEnd: number;
    method: string;
    requestUri: string;
    status: number;
    hasCompactNames: boolean;
  }) {
    this.head = parts.head;
    this.body = parts.body;
    this.index = parts.index;
    this.headersStart = parts.headersStart;
    this.headersEnd = parts.headersEnd;
    this.method = parts.method;
    this.requestUri = parts.requestUri;
    this.status = parts.status;
    this.hasCompactNames = parts.hasCompactNames;
  }

  /** The Request-URI, taken apart; undefined where it is no SIP URI. */
  get uri(): SipUri | undefined {
    if (this.uriCache === undefined) this.uriCache = parseUri(this.requestUri) ?? null;
    return this.uriCache ?? undefined;
  }

  get isRequest(): boolean {
    return this.status === 0;
  }

  /** Index position of the first line of header `id` at or behind index position `from`, or -1. */
  find(id: HeaderId, from = 0): number {
    const index = this.index;
    for (let i = from; i < index.length; i += INDEX_STRIDE) if (index[i] === id) return i;
    return -1;
  }

  /** The value at index position `at`: trimmed, folding kept. */
  valueAt(at: number): string {
    return this.head.slice(this.index[at + 2], this.index[at + 3]);
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

  /** The topmost Via value, or undefined where there is none or it is malformed. */
  get topVia(): Via | undefined {
    if (this.viaCache === undefined) {
      const at = this.find(Header.Via);
      if (at >= 0) this.viaCache = parseVia(this.head, this.index[at + 2]!, this.index[at + 3]!);
    }
    return this.viaCache;
  }

  get cseq(): CSeq | undefined {
    if (this.cseqCache === undefined) {
      const at = this.find(Header.CSeq);
      if (at >= 0) this.cseqCache = parseCSeq(this.head, this.index[at + 2]!, this.index[at + 3]!);
    }
    return this.cseqCache;
  }

  get from(): NameAddr | undefined {
    return (this.fromCache ??= this.nameAddr(Header.From));
  }

  get to(): NameAddr | undefined {
    return (this.toCache ??= this.nameAddr(Header.To));
  }

  get callId(): string {
    return this.value(Header.CallId) ?? "";
  }

  private nameAddr(id: HeaderId): NameAddr | undefined {
    const at = this.find(id);
    return at < 0 ? undefined : parseNameAddr(this.head, this.index[at + 2]!, this.index[at + 3]!);
  }
}
