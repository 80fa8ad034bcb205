import { CALL_ID, CONTENT_LENGTH, CSEQ, FROM, HEADER_IDS, MAX_FORWARDS, OTHER, TO } from "../header-ids";
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
import { skipToken, textAt } from "./chars";
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
 * through for what ends a line, and for what may stand nowhere in a head.
 * @returns false where no empty line ends it
 */
export function readLines(length: i32): bool {
  for (let id = 0; id < HEADER_IDS; id++) put(FIRST_LINES + id, -1);
  put(COMPACT_NAMES, 0);
  put(HEADERS_START, length);
  put(LINES_END, LINES);
  lines = 0;
  mostLines = length >> 2;
  linesAt = indexPlace(length) + (LINES << 2);
  problem = NO_PROBLEM;
  let hasStray = at(0) === LF;
  /** Where the line begins that is being looked at; -1 while it is the start line. */
  let line = -1;
  for (let block = 0; block < length; block += 16) {
    const text = textAt(block);
    const feedsBehind = i8x16.eq(textAt(block + 1), i8x16.splat(<i8>LF));
    // A CR that has no LF behind it, and the place before an LF that has no CR there.
    const strays: i32 = i8x16.bitmask(v128.xor(i8x16.eq(text, i8x16.splat(<i8>CR)), feedsBehind));
    const nuls: i32 = i8x16.bitmask(i8x16.eq(text, i8x16.splat(<i8>NUL)));
    for (let feeds: i32 = i8x16.bitmask(i8x16.eq(text, i8x16.splat(<i8>LF))); feeds !== 0; feeds &= feeds - 1) {
      const i = block + ctz(feeds);
      if (i >= length) return false;
      if (i > 0 && at(i - 1) === CR) {
        if (line < 0) {
          put(HEADERS_START, i + 1);
          line = i + 1;
          continue;
        }
        if (at(i - 2) === LF && at(i - 3) === CR) {
          const before = (feeds & -feeds) - 1;
          if (hasStray || (strays & before) !== 0 || hasStrayNul(nuls & before, block)) problem = STRAY;
          put(HEADERS_END, i - 1);
          store<i32>(linesAt + ((lines * LINE_PLACES) << 2) + 4, i - 1);
          put(LINES_END, LINES + lines * LINE_PLACES);
          return true;
        }
      }
      // A bare LF ends a line too, for whoever is to be told what is wrong; lines that are folded (§7.3.1) are one.
      if (line >= 0 && !isBlank(at(i + 1))) {
        readLine(line, i - 1);
        line = i + 1;
      }
    }
    if (strays !== 0 || hasStrayNul(nuls, block)) hasStray = true;
  }
  return false;
}

/** Whether one of the NULs, a bit for each from `block` on, stands where no quoted-pair (§25.1) can. */
function hasStrayNul(nuls: i32, block: i32): bool {
  for (; nuls !== 0; nuls &= nuls - 1) {
    const i = block + ctz(nuls);
    if (i < get(HEADERS_START) || at(i - 1) !== BACKSLASH) return true;
  }
  return false;
}

/** @param end where its last CRLF stands; where a bare LF ends it, the character before that */
function readLine(start: i32, end: i32): void {
  // Most names are among those that are known, which hold what a name may hold, and have their colon right behind them.
  const length = ctz(i8x16.bitmask(i8x16.eq(textAt(start), i8x16.splat(<i8>COLON))));
  let id = length < 16 ? headerId(start, start + length) : OTHER;
  let nameEnd = start + length;
  let i = nameEnd;
  if (id === OTHER) {
    nameEnd = skipToken(start, end);
    // `To :` is allowed (§25.1 HCOLON), a fold before the colon is not.
    i = nameEnd;
    while (isBlank(at(i))) i++;
    if (nameEnd === start || at(i) !== COLON) {
      if (problem === NO_PROBLEM) problem = NO_COLON;
      return;
    }
    if (nameEnd - start !== length) id = headerId(start, nameEnd);
  }
  if (lines === mostLines) return;
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
