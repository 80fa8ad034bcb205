import { readFileSync } from "node:fs";
import { latin1Text, writeLatin1 } from "../latin1.ts";
import { LINE_PLACES, LINES_END, PLACES } from "./places.ts";
import { endOffset, indexOffset, MOST_HASHED, replySize, SHORT_INDEX, SHORT_MESSAGE } from "./regions.ts";

/** What assembly/ exports. Positions are those in the text that is held; what a function finds stands in places.ts' places. */
interface Exports {
  readonly memory: WebAssembly.Memory;
  readonly FOUND: WebAssembly.Global;
  readonly INDEX: WebAssembly.Global;
  readonly HELD: WebAssembly.Global;
  readonly HASHED: WebAssembly.Global;
  readMessage(length: number, isCut: 0 | 1): void;
  readUri(start: number, end: number): number;
  uriKind(start: number, end: number): number;
  readVia(start: number, end: number): number;
  readNameAddr(into: number, start: number, end: number): number;
  beginParams(start: number, end: number): void;
  findParam(): number;
  headerId(start: number, end: number): number;
  skipLws(i: number, end: number): number;
  skipToken(i: number, end: number): number;
  skipQuoted(i: number, end: number): number;
  hashText(from: number, length: number, k0: number, k1: number): number;
  hashPath(length: number, k0: number, k1: number): number;
  hashBranchKey(length: number, seed: number): number;
  writeReply(
    to: number,
    length: number,
    port: number,
    start: number,
    source: number,
    tag: number,
    rest: number,
    isTrying: number,
  ): number;
}

const wasm = new WebAssembly.Instance(new WebAssembly.Module(readFileSync(new URL("./grammar.wasm", import.meta.url))))
  .exports as Exports;

export const {
  readUri,
  uriKind,
  readVia,
  readNameAddr,
  beginParams,
  findParam,
  headerId,
  skipLws,
  skipToken,
  skipQuoted,
  hashBranchKey,
} = wasm;
// Each by a name of its own: to ask the exports for one takes as long as some of them.
const { readMessage: readHeld, hashPath, hashText, writeReply } = wasm;

const HELD = wasm.HELD.value;
const FOUND = wasm.FOUND.value;
const INDEX = wasm.INDEX.value;
const HASHED = wasm.HASHED.value;
const PAGE = 65_536;

/** Behind what is written, since it is written sixteen bytes at a time. */
const SPARE = 16;

let bytes = Buffer.from(wasm.memory.buffer);
/** The index of the message that was read last, unless that is a long one. */
export let sharedIndex = new Int32Array(wasm.memory.buffer, INDEX, SHORT_INDEX);
let heldText: string | undefined;
/** Whether what is held was read as a message. */
let isIndexed = false;
/** What was found last, see places.ts. */
export let found = new Int32Array(wasm.memory.buffer, FOUND, PLACES);

/** Holds a latin1 text, one character per byte, so that it can be read by its positions; until the next one is held. */
export function hold(text: string): void {
  if (text === heldText) return;
  makeRoom(text.length);
  writeLatin1(bytes, text, HELD);
  heldText = text;
  isIndexed = false;
}

/** The same for bytes of which no text is wanted. */
export function holdBytes(octets: Uint8Array): void {
  makeRoom(octets.length);
  bytes.set(octets, HELD);
  heldText = undefined;
  isIndexed = false;
}

/** The latin1 text of these bytes, and it is held. */
export function holdTextOf(octets: Buffer): string {
  holdBytes(octets);
  heldText = latin1Text(octets, 0, octets.length);
  return heldText;
}

/** The first `length` characters of the text that is held; they are held. */
export function holdStartOf(text: string, length: number): string {
  heldText = text.slice(0, length);
  return heldText;
}

/**
 * Reads the message that is held.
 * @param isCut true when its end had to be made up
 * @returns its index, see places.ts: that which is shared, so good until the next message is read, or one of its own
 */
export function readMessage(length: number, isCut: boolean): Int32Array {
  readHeld(length, isCut ? 1 : 0);
  messagesRead = (messagesRead + 1) | 0;
  isIndexed = true;
  if (length <= SHORT_MESSAGE) return sharedIndex;
  return new Int32Array(wasm.memory.buffer, HELD + indexOffset(length), found[LINES_END]! + LINE_PLACES).slice();
}

/** Whether this text is held since it was read as a message, so that its index is behind it where it is a long one. */
export function isRead(text: string): boolean {
  return isIndexed && text === heldText;
}

/** How many messages were read, in 32 bits; by it one can tell whether an index is still good. */
export let messagesRead = 0;

/**
 * The hash of a latin1 text: up to 14 characters of base 36. What is held stays held, but for a very long text.
 * @param k0 with `k1` the key, 32 bits each
 */
export function textToken(text: string, k0: number, k1: number): string {
  const end = hashEnd(text, k0, k1);
  return latin1Text(bytes, HASHED, end);
}

/** Whether `textToken` would give this `token`; takes equally long wherever the two differ. */
export function isTextToken(token: string, text: string, k0: number, k1: number): boolean {
  if (hashEnd(text, k0, k1) - HASHED !== token.length) return false;
  let difference = 0;
  for (let i = 0; i < token.length; i++) difference |= bytes[HASHED + i]! ^ token.charCodeAt(i);
  return difference === 0;
}

/**
 * The same over all that decides where a request goes (RFC 5393 §4.2.1), of the one that is held and read; see
 * assembly/transaction.ts. @param length of its text
 */
export function pathToken(length: number, k0: number, k1: number): string {
  const end = hashPath(length, k0, k1);
  return latin1Text(bytes, HASHED, end);
}

/** Hashes a text. @returns where the hash ends, which begins at HASHED */
function hashEnd(text: string, k0: number, k1: number): number {
  if (text.length <= MOST_HASHED) {
    writeLatin1(bytes, text, HASHED);
    return hashText(HASHED, text.length, k0, k1);
  }
  hold(text);
  return hashText(HELD, text.length, k0, k1);
}

/** What a response has besides that which it takes from its request. Texts are latin1. */
export interface ReplyParts {
  /** Its start line. */
  readonly start: string;
  /** Where the request came from: goes into an rport without value. */
  readonly port: number;
  /** Goes into the topmost Via as `received`; "" where it needs none. */
  readonly received: string;
  /** Goes into To where that has no tag; "" for none. */
  readonly toTag: string;
  /** True for a 100. */
  readonly isTrying: boolean;
  /** The headers behind those of the request, and the empty line. */
  readonly rest: string;
}

/** The response to the request that is held and read, see assembly/reply.ts. @param length its length */
export function replyText(length: number, { start, port, received, toTag, isTrying, rest }: ReplyParts): string {
  const startAt = HELD + endOffset(length);
  const receivedAt = startAt + start.length;
  const tagAt = receivedAt + received.length;
  const restAt = tagAt + toTag.length;
  const replyAt = restAt + rest.length;
  growTo(replyAt + replySize(length) + (replyAt - startAt) + SPARE);
  // As one text, since each that is handed over costs more than putting it to the others.
  writeLatin1(bytes, start + received + toTag + rest, startAt);
  const end = writeReply(replyAt, length, port, startAt, receivedAt, tagAt, restAt, isTrying ? 1 : 0);
  return latin1Text(bytes, replyAt, end);
}

/** Behind the text of a long message stands its index. */
function makeRoom(length: number): void {
  growTo(HELD + endOffset(length));
}

function growTo(needed: number): void {
  if (needed <= bytes.length) return;
  wasm.memory.grow(Math.ceil((needed - bytes.length) / PAGE));
  bytes = Buffer.from(wasm.memory.buffer);
  sharedIndex = new Int32Array(wasm.memory.buffer, INDEX, SHORT_INDEX);
  found = new Int32Array(wasm.memory.buffer, FOUND, PLACES);
}
