import { CALL_ID, CSEQ, ROUTE } from "../header-ids";
import { ACK } from "../methods";
import {
  BRANCH_END,
  BRANCH_START,
  FIRST_LINES,
  FROM_ADDR,
  LINE_PLACES,
  LINES_END,
  METHOD,
  METHOD_END,
  REQUEST_URI_END,
  REQUEST_URI_START,
  SENT_BY_END,
  SENT_BY_PORT,
  SENT_BY_START,
  TAG_END,
  TAG_START,
  TO_ADDR,
} from "../places";
import { charOf } from "./chars";
import { indexPlace } from "./header-lines";
import { at } from "./held";
import { beginHash, endHash, hashByte, hashHeld } from "./keyed-hash";

// What tells one request from another, as hashes over the text where it stands. The message has to be held and read.

let index: usize = 0;

function get(place: i32): i32 {
  return load<i32>(index + (place << 2));
}

/**
 * A keyed hash over all that decides where a request goes (RFC 5393 §4.2.1): Request-URI, Call-ID, CSeq, both tags and
 * the Routes, each on a line of its own.
 * @returns as `endHash`
 */
export function hashPath(length: i32, k0: u32, k1: u32): usize {
  index = indexPlace(length);
  beginHash(k0, k1);
  hashHeld(get(REQUEST_URI_START), get(REQUEST_URI_END));
  hashByte(LF);
  addValue(get(FIRST_LINES + CALL_ID));
  hashByte(LF);
  addValue(get(FIRST_LINES + CSEQ));
  hashByte(LF);
  addTag(FROM_ADDR);
  hashByte(LF);
  addTag(TO_ADDR);
  const end = get(LINES_END);
  for (let line = get(FIRST_LINES + ROUTE); line >= 0 && line < end; line += LINE_PLACES) {
    if (get(line) !== ROUTE) continue;
    hashByte(LF);
    addValue(line);
  }
  return endHash();
}

const LF: u32 = 10;

function addValue(line: i32): void {
  hashHeld(get(line + 2), get(line + 3));
}

function addTag(addr: i32): void {
  if (get(addr + TAG_START) >= 0) hashHeld(get(addr + TAG_START), get(addr + TAG_END));
}

/** The hash of the key that a request with a unique branch has (§17.2.3), as `KeyHash.of` gives it for the key as a text. */
export function hashBranchKey(length: i32, seed: u32): i32 {
  index = indexPlace(length);
  let hash = add(seed, get(BRANCH_START), get(BRANCH_END));
  hash = addByte(hash, SPACE);
  hash = add(hash, get(SENT_BY_START), get(SENT_BY_END));
  hash = addByte(hash, COLON);
  hash = addPort(hash, get(SENT_BY_PORT));
  hash = addByte(hash, SPACE);
  if (get(METHOD) !== ACK) hash = add(hash, 0, get(METHOD_END));
  else for (let i = 0; i < INVITE.length; i++) hash = addByte(hash, charOf(INVITE, i));
  return mixed(hash);
}

const INVITE = "INVITE";
const SPACE: u32 = 32;
const COLON: u32 = 58;

function addByte(hash: u32, byte: u32): u32 {
  return (hash ^ byte) * 0x01000193;
}

function add(hash: u32, start: i32, end: i32): u32 {
  for (let i = start; i < end; i++) hash = addByte(hash, at(i));
  return hash;
}

/** 0 is none. */
function addPort(hash: u32, port: u32): u32 {
  if (port === 0) return hash;
  if (port >= 10) hash = addPort(hash, port / 10);
  return addByte(hash, 0x30 + (port % 10));
}

function mixed(hash: u32): u32 {
  hash = (hash ^ (hash >>> 16)) * 0x85ebca6b;
  return hash ^ (hash >>> 13);
}
