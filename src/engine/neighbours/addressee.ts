import { headerId, holdBytes } from "../../grammar/grammar.ts";
import { Header } from "../../sip/header-names.ts";
import { MARK } from "../../sip/neighbours.ts";

/** Nothing that tells whose it is, at least not without reading it as a whole. */
export const UNTOLD = -1;

const TAB = 9;
const LF = 10;
const CR = 13;
const SPACE = 32;
const COMMA = 44;
const COLON = 58;
const SEMICOLON = 59;
const EQUALS = 61;
const [C, I, R, V] = [0x63, 0x69, 0x72, 0x76] as const;
const TILDE = MARK.charCodeAt(0);
/** A longer head is read as a whole. */
const MOST_LOOKED_AT = 8192;
const MOST_DIGITS = 8;
const RESPONSE = Buffer.from("SIP/2.0 ", "latin1");
const CANCEL = Buffer.from("CANCEL ", "latin1");
const BRANCH = Buffer.from("branch", "latin1");

/** Whether a datagram is a response; what begins neither as one nor as a request is none. */
export function isResponse(bytes: Buffer): boolean {
  return startsWith(bytes, RESPONSE);
}

/**
 * Whose a request is, from its bytes alone: what is handed on is parsed where it is served, and only there.
 * @returns the hash of its Call-ID, as `hashOf` has it; UNTOLD for a CANCEL, for what names a connection of one of ours
 * in a Route, and for whatever is not plain enough to be sure
 */
export function callIdHash(bytes: Buffer, seed: number): number {
  if (startsWith(bytes, CANCEL)) return UNTOLD;
  const end = Math.min(bytes.length, MOST_LOOKED_AT);
  holdBytes(bytes.subarray(0, end));
  let hash = UNTOLD;
  for (let line = endOfLine(bytes, 0, end); line < end; ) {
    const first = bytes[line]!;
    if (first === CR) return hash;
    // A fold: what it belongs to was perhaps looked at already.
    if (first <= SPACE) return UNTOLD;
    const letter = first | 0x20;
    const next = endOfLine(bytes, line, end);
    if (letter === C || letter === I || letter === R) {
      const colon = indexOf(bytes, COLON, line, next);
      if (colon < 0) return UNTOLD;
      const id = headerId(line, nameEnd(bytes, line, colon));
      if (id === Header.CallId) {
        if (hash !== UNTOLD) return UNTOLD;
        hash = hashOfValue(bytes, colon + 1, next, seed);
      } else if (id === Header.Route && indexOf(bytes, TILDE, colon, next) >= 0) return UNTOLD;
    }
    line = next;
  }
  return UNTOLD;
}

/** @returns the number of the process whose request a response answers, by the mark of its topmost Via; UNTOLD without one */
export function processInBranch(bytes: Buffer): number {
  const end = Math.min(bytes.length, MOST_LOOKED_AT);
  holdBytes(bytes.subarray(0, end));
  for (let line = endOfLine(bytes, 0, end); line < end; ) {
    const next = endOfLine(bytes, line, end);
    const colon = (bytes[line]! | 0x20) === V ? indexOf(bytes, COLON, line, next) : -1;
    if (colon > 0 && headerId(line, nameEnd(bytes, line, colon)) === Header.Via) {
      return processInVia(bytes, colon + 1, next);
    }
    line = next;
  }
  return UNTOLD;
}

/** FNV-1a: spreads texts evenly, the same in every process. */
export function hashOf(text: string, seed: number): number {
  let hash = BASIS ^ seed;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), PRIME);
  return mixed(hash);
}

const BASIS = 0x811c9dc5;
const PRIME = 0x01000193;

/** The low bits alone would see only the low bits of each character. */
function mixed(hash: number): number {
  return (hash ^ (hash >>> 15)) >>> 0;
}

/** The same for the value of a header, without the blanks around it. */
function hashOfValue(bytes: Buffer, from: number, to: number, seed: number): number {
  let start = from;
  let end = to;
  while (start < end && bytes[start]! <= SPACE) start++;
  while (end > start && bytes[end - 1]! <= SPACE) end--;
  if (start === end) return UNTOLD;
  let hash = BASIS ^ seed;
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ bytes[i]!, PRIME);
  return mixed(hash);
}

function processInVia(bytes: Buffer, from: number, to: number): number {
  let found: number | undefined;
  for (let at = from; at < to && bytes[at] !== COMMA; at++) {
    if (bytes[at] !== SEMICOLON || !startsWith(bytes, BRANCH, at + 1)) continue;
    // Two of them are not ours.
    if (found !== undefined) return UNTOLD;
    at += 1 + BRANCH.length;
    const start = bytes[at] === EQUALS ? at + 1 : at;
    let end = start;
    while (end < to && bytes[end]! > SPACE && bytes[end] !== SEMICOLON && bytes[end] !== COMMA) end++;
    found = numberBehindMark(bytes, start, end);
    at = end - 1;
  }
  return found ?? UNTOLD;
}

/** The number that Number.toString(36) has written behind the last mark; none of ours is longer than MOST_DIGITS. */
function numberBehindMark(bytes: Buffer, start: number, end: number): number {
  let number = 0;
  for (let at = end - 1, worth = 1; at >= start && at >= end - 1 - MOST_DIGITS; at--, worth *= 36) {
    const byte = bytes[at]!;
    if (byte === TILDE) return at === end - 1 ? UNTOLD : number;
    const digit = digitOf(byte);
    if (digit < 0) return UNTOLD;
    number += digit * worth;
  }
  return UNTOLD;
}

function digitOf(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  return byte >= 0x61 && byte <= 0x7a ? byte - 0x61 + 10 : -1;
}

function nameEnd(bytes: Buffer, start: number, colon: number): number {
  let end = colon;
  while (end > start && (bytes[end - 1] === SPACE || bytes[end - 1] === TAB)) end--;
  return end;
}

/** Where the line behind the one of `from` begins. */
function endOfLine(bytes: Buffer, from: number, end: number): number {
  let at = from;
  while (at < end && bytes[at] !== LF) at++;
  return at + 1;
}

/** Buffer's own is slower for the few bytes of a line. */
function indexOf(bytes: Buffer, byte: number, from: number, to: number): number {
  for (let at = from; at < to; at++) if (bytes[at] === byte) return at;
  return -1;
}

function startsWith(bytes: Buffer, text: Buffer, from = 0): boolean {
  for (let i = 0; i < text.length; i++) if (bytes[from + i] !== text[i]) return false;
  return true;
}
