import { CALL_ID, CSEQ, FROM, TIMESTAMP, TO, VIA } from "../header-ids";
import {
  FIRST_LINES,
  LINE_PLACES,
  LINES_END,
  RPORT_AT,
  TAG_START,
  TO_ADDR,
  VALUE_END,
  VIA_END,
  VIA_START,
} from "../places";
import { charOf } from "./chars";
import { copyTo } from "./copy";
import { indexPlace } from "./header-lines";
import { HELD } from "./held";

let index: usize = 0;
/** Where the next byte goes. */
let out: usize = 0;

function get(place: i32): i32 {
  return load<i32>(index + (place << 2));
}

/**
 * Writes a response (RFC 3261 §8.2.6): Vias, From, To, Call-ID and CSeq as they came in the request, under their long names,
 * and the texts that stand one behind the other from `start` to `to`. The request has to be held and read.
 * @param to where it is written
 * @param port goes into an rport without a value
 * @param start of the start line
 * @param source of what `received` says in the topmost Via; nothing where that needs none
 * @param tag of what is added as a tag where To has none; nothing where none is to be added
 * @param rest of the headers behind those of the request
 * @param isTrying true for a 100, which repeats the Timestamp
 * @returns where it ends
 */
export function writeReply(
  to: usize,
  length: i32,
  port: i32,
  start: usize,
  source: usize,
  tag: usize,
  rest: usize,
  isTrying: bool,
): usize {
  index = indexPlace(length);
  out = to;
  copy(start, source);
  const end = get(LINES_END);
  let isTop = true;
  for (let line = get(FIRST_LINES + VIA); line >= 0 && line < end; line += LINE_PLACES) {
    if (get(line) !== VIA) continue;
    write("Via: ");
    let from = get(line + 2);
    if (isTop && get(VIA_START) >= 0) {
      from = get(VIA_END);
      writeTopVia(port, source, tag);
    }
    isTop = false;
    copy(HELD + from, HELD + get(line + 3));
    write("\r\n");
  }
  writeLine(FROM, "From: ", 0, 0);
  const hasTag = get(TO_ADDR + VALUE_END) < 0 || get(TO_ADDR + TAG_START) >= 0;
  writeLine(TO, "To: ", tag, hasTag ? tag : rest);
  writeLine(CALL_ID, "Call-ID: ", 0, 0);
  writeLine(CSEQ, "CSeq: ", 0, 0);
  if (isTrying) writeLine(TIMESTAMP, "Timestamp: ", 0, 0);
  copy(rest, to);
  return out;
}

/** The topmost Via value with the source that it came from written in (§18.2.1, RFC 3581 §4). */
function writeTopVia(port: i32, source: usize, sourceEnd: usize): void {
  let from = get(VIA_START);
  const rportAt = get(RPORT_AT);
  if (rportAt >= 0) {
    copy(HELD + from, HELD + rportAt);
    writeByte(0x3d);
    writeNumber(port);
    from = rportAt;
  }
  copy(HELD + from, HELD + get(VIA_END));
  if (sourceEnd === source) return;
  write(";received=");
  copy(source, sourceEnd);
}

function writeLine(id: i32, name: string, tag: usize, tagEnd: usize): void {
  const line = get(FIRST_LINES + id);
  if (line < 0) return;
  write(name);
  copy(HELD + get(line + 2), HELD + get(line + 3));
  if (tagEnd !== tag) {
    write(";tag=");
    copy(tag, tagEnd);
  }
  write("\r\n");
}

function copy(from: usize, end: usize): void {
  out = copyTo(out, from, end);
}

function write(text: string): void {
  for (let i = 0; i < text.length; i++) writeByte(charOf(text, i));
}

function writeByte(byte: u32): void {
  store<u8>(out++, byte);
}

function writeNumber(n: i32): void {
  if (n >= 10) writeNumber(n / 10);
  writeByte(0x30 + (n % 10));
}
