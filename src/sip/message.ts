import { hold, isRead, messagesRead, readMessage, sharedIndex } from "../grammar/grammar.ts";
import { CALL_ID } from "../grammar/header-ids.ts";
import {
  BRANCH_IS_UNIQUE,
  COMPACT_NAMES,
  FROM_ADDR,
  HEADERS_END,
  HEADERS_START,
  HOPS_LEFT,
  LINE_PLACES,
  LINES_END,
  METHOD,
  METHOD_END,
  REQUEST_URI_END,
  REQUEST_URI_START,
  STATUS,
  TO_ADDR,
  URI_PARAMS_END,
  VIA_START,
} from "../grammar/places.ts";
import { SHORT_MESSAGE } from "../grammar/regions.ts";
import { type CSeq, cseqOf } from "./cseq.ts";
import type { HeaderId } from "./header-names.ts";
import { methodName } from "./methods.ts";
import { type NameAddr, nameAddrOf } from "./name-addr.ts";
import { type SipUri, uriOf } from "./uri.ts";
import { type Via, viaOf } from "./via.ts";

/**
 * One SIP message: the latin1 text that arrived, its body included, and an index of what stands where in it. It is read
 * once; what an index entry stands for is made when somebody asks for it, and most are never asked for.
 */
export class SipMessage {
  /** The message exactly as received (latin1: one character per byte); positions are positions in it. */
  readonly text: string;
  /** The method of a request; for a response the empty string. */
  readonly method: string;
  /** The status code of a response; 0 for a request. */
  readonly status: number;
  /** Its index, where it has one of its own. */
  private ownIndex: Int32Array | undefined;
  /** The index that all messages share is its own as long as so many messages were read. */
  private readAs: number;
  private readRequestUri: string | undefined = undefined;
  private readUri: SipUri | undefined = undefined;
  private readVia: Via | undefined = undefined;
  private readFrom: NameAddr | undefined = undefined;
  private readTo: NameAddr | undefined = undefined;
  private readCSeq: CSeq | undefined = undefined;
  private readCallId: string | undefined = undefined;

  /** @param index of the message that was read last, as `readMessage` gives it */
  constructor(text: string, index: Int32Array) {
    this.text = text;
    this.readAs = messagesRead;
    this.ownIndex = index === sharedIndex ? undefined : index;
    this.method = methodName(index[METHOD]!, text, 0, index[METHOD_END]!);
    this.status = index[STATUS]!;
  }

  /**
   * What stands where: the places of places.ts, and behind them four numbers for each header line: id, start, start and
   * end of the value. It is good until the next message is read.
   */
  get index(): Int32Array {
    return this.ownIndex ?? (this.readAs === messagesRead ? sharedIndex : this.readAgain());
  }

  /** Most messages are done with before the next one comes, so that an index of their own would be made for nothing. */
  private readAgain(): Int32Array {
    hold(this.text);
    const index = readMessage(this.text.length, false);
    this.readAs = messagesRead;
    return (this.ownIndex ??= index.slice(0, index[LINES_END]! + LINE_PLACES));
  }

  /** Makes it the message that is held and was read last. @returns its length, by which the grammar finds its index */
  current(): number {
    const { text } = this;
    if (this.readAs !== messagesRead || (text.length > SHORT_MESSAGE && !isRead(text))) this.readAgain();
    else hold(text);
    return text.length;
  }

  /** Position of the first header line. */
  get headersStart(): number {
    return this.index[HEADERS_START]!;
  }

  /** Position of the empty line that ends the head. */
  get headersEnd(): number {
    return this.index[HEADERS_END]!;
  }

  /** True when some header has a one-letter name (§7.3.3). */
  get hasCompactNames(): boolean {
    return this.index[COMPACT_NAMES] === 1;
  }

  /** The Request-URI as it arrived; for a response the empty string. */
  get requestUri(): string {
    return (this.readRequestUri ??= this.text.slice(this.index[REQUEST_URI_START], this.index[REQUEST_URI_END]));
  }

  /** The same, taken apart; undefined where it is no SIP URI. */
  get uri(): SipUri | undefined {
    return (this.readUri ??= uriOf(this.text, this.index));
  }

  /** The topmost Via value; this and the three below are undefined where there is none or it is malformed. */
  get topVia(): Via | undefined {
    return (this.readVia ??= this.index[VIA_START]! < 0 ? undefined : viaOf(this.text, this.index));
  }

  /** Whether the branch of the topmost Via is unique (§8.1.1.7), so that it alone tells the transaction (§17.2.3). */
  get hasUniqueBranch(): boolean {
    const { index } = this;
    return index[VIA_START]! >= 0 && index[BRANCH_IS_UNIQUE] === 1;
  }

  /** This and `to` also in an ACK that goes no further: its topmost Via alone tells which transaction it ends (§17.2.3). */
  get from(): NameAddr | undefined {
    return (this.readFrom ??= nameAddrOf(this.text, this.index, FROM_ADDR));
  }

  get to(): NameAddr | undefined {
    return (this.readTo ??= nameAddrOf(this.text, this.index, TO_ADDR));
  }

  get cseq(): CSeq | undefined {
    return (this.readCSeq ??= cseqOf(this.text, this.index));
  }

  /** What Max-Forwards says, from 0 to 255; -1 where it is anything else, undefined where it is missing. */
  get hopsLeft(): number | undefined {
    const left = this.index[HOPS_LEFT]!;
    return left === -2 ? undefined : left;
  }

  /** Whether the Request-URI has headers (§19.1.1). */
  get uriHasHeaders(): boolean {
    const { index } = this;
    return index[URI_PARAMS_END]! < index[REQUEST_URI_END]!;
  }

  /** The empty string where there is none. */
  get callId(): string {
    return (this.readCallId ??= this.value(CALL_ID) ?? "");
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
    const end = index[LINES_END]!;
    for (let i = at + LINE_PLACES; i < end; i += LINE_PLACES) if (index[i] === id) return i;
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
    return this.index[at + LINE_PLACES + 1]!;
  }

  /** The value of the first header `id`, or undefined. */
  value(id: HeaderId): string | undefined {
    const at = this.find(id);
    return at < 0 ? undefined : this.valueAt(at);
  }
}
