import { CALL_ID, CONTENT_LENGTH, CSEQ, FROM, HEADER_IDS, MAX_FORWARDS, TO } from "../header-ids";
import {
  COMPACT_NAMES,
  FIRST_LINES,
  HEADERS_END,
  HEADERS_START,
  LINE_PLACES,
  LINES,
  LINES_END,
  PROBLEM_END,
  PROBLEM_START,
} from "../places";
import { HEADER_TWICE, NO_COLON, NO_PROBLEM, STRAY } from "../problems";
import { indexOffset, SHORT_MESSAGE } from "../regions";
import { skipToken } from "./chars";
import { headerId } from "./header-names";
import { at, get, HELD, INDEX, put } from "./held";

/** Headers that may stand only once (RFC 3261 §7.3.1), as bits; two of them could be read two ways by two servers. */
const SINGLE: i32 =
  (1 << FROM) | (1 << TO) | (1 << CALL_ID) | (1 << CSEQ) | (1 << MAX_FORWARDS) | (1 << CONTENT_LENGTH);

const NUL: u32 = 0;
const TAB: u32 = 9;
const LF: u32 = 10;
const CR: u32 = 13;
const SPACE: u32 = 32;
const COLON: u32 = 58;
const BACKSLASH: u32 = 92;

let lines = 0;
/** What ends with a bare LF may be shorter than a line that holds; so many lines have room, and the message is refused anyway. */
let mostLines = 0;
let linesAt: usize = 0;
/** What is wrong with a line, see problems.ts. */
let problem = NO_PROBLEM;

/** Where the index of a message goes. */
export function indexPlace(length: i32): usize {
  return length <= SHORT_MESSAGE ? INDEX : HELD + indexOffset(length);
}

/** Value start and end of the first line of a header that is there. */
export function valueStartOf(id: i32): i32 {
  return load<i32>(linesAt + ((get(FIRST_LINES + id) - LINES + 2) << 2));
}

export function valueEndOf(id: i32): i32 {
  return load<i32>(linesAt + ((get(FIRST_LINES + id) - LINES + 3) << 2));
}

export function headProblem(): i32 {
  return problem;
}

/**
 * Cuts the head of the text into its lines (§7.1, §7.3.1), up to the first empty one. Sixteen bytes at a time are looked
 * through for control characters, of which there are few.
 * @returns false where no empty line ends it
 */
export function readLines(length: i32): bool {
  for (let id = 0; id < HEADER_IDS; id++) put(FIRST_LINES + id, -1);
  put(COMPACT_NAMES, 0);
  put(LINES_END, LINES);
  lines = 0;
  mostLines = length >> 2;
  linesAt = indexPlace(length) + (LINES << 2);
  problem = NO_PROBLEM;
  const spaces = i8x16.splat(<i8>SPACE);
  let hasStray = false;
  /** Where the line begins that is being looked at; -1 while it is the start line. */
  let line = -1;
  for (let block = 0; block < length; block += 16) {
    let controls: i32 = i8x16.bitmask(i8x16.lt_u(v128.load(HELD + block), spaces));
    for (; controls !== 0; controls &= controls - 1) {
      const i = block + ctz(controls);
      if (i >= length) break;
      const c = at(i);
      if (c === LF) {
        if (i === 0 || at(i - 1) !== CR) hasStray = true;
        else if (line < 0) {
          put(HEADERS_START, i + 1);
          line = i + 1;
          continue;
        } else if (at(i - 2) === LF && at(i - 3) === CR) {
          put(HEADERS_END, i - 1);
          store<i32>(linesAt + ((lines * LINE_PLACES) << 2) + 4, i - 1);
          put(LINES_END, LINES + lines * LINE_PLACES);
          if (hasStray) problem = STRAY;
          return true;
        }
        // A bare LF ends a line too, for whoever is to be told what is wrong; lines that are folded (§7.3.1) are one.
        if (line >= 0 && !isBlank(at(i + 1))) {
          readLine(line, i - 1);
          line = i + 1;
        }
      } else if (c === CR) {
        if (at(i + 1) !== LF) hasStray = true;
      } else if (c === NUL && (line < 0 || at(i - 1) !== BACKSLASH)) hasStray = true;
    }
  }
  return false;
}

/** @param end where its last CRLF stands; where a bare LF ends it, the character before that */
function readLine(start: i32, end: i32): void {
  const nameEnd = skipToken(start, end);
  let i = nameEnd;
  // `To :` is allowed (§25.1 HCOLON), a fold before the colon is not.
  while (isBlank(at(i))) i++;
  if (nameEnd === start || at(i) !== COLON) {
    if (problem === NO_PROBLEM) problem = NO_COLON;
    return;
  }
  if (lines === mostLines) return;
  const id = headerId(start, nameEnd);
  if (nameEnd - start === 1) put(COMPACT_NAMES, 1);
  let valueStart = i + 1;
  // A line that a bare LF ends may end before its value begins.
  let valueEnd = max(end, valueStart);
  while (valueStart < valueEnd && at(valueStart) <= SPACE) valueStart++;
  while (valueEnd > valueStart && at(valueEnd - 1) <= SPACE) valueEnd--;
  if (get(FIRST_LINES + id) < 0) put(FIRST_LINES + id, LINES + lines * LINE_PLACES);
  else if (((1 << id) & SINGLE) !== 0 && problem === NO_PROBLEM) {
    problem = HEADER_TWICE;
    put(PROBLEM_START, start);
    put(PROBLEM_END, nameEnd);
  }
  const place = linesAt + ((lines * LINE_PLACES) << 2);
  store<i32>(place, id);
  store<i32>(place + 4, start);
  store<i32>(place + 8, valueStart);
  store<i32>(place + 12, valueEnd);
  lines++;
}

function isBlank(c: u32): bool {
  return c === SPACE || c === TAB;
}
