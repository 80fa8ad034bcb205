// Where what stands in the memory of the grammar, for both languages. Sizes are bytes where nothing else is said.

import { LINE_PLACES, LINES } from "./places.ts";

/**
 * A message of at most so many bytes has its index where the next one will have it, a longer one behind its text. No more
 * lines of headers are noted than a quarter of the bytes of a message: a line of one that holds has four at least, with
 * one letter, the colon and CRLF.
 */
export const SHORT_MESSAGE = 8192;
/** The places that the index of such a message takes at most. */
export const SHORT_INDEX = LINES + (SHORT_MESSAGE / 4 + 1) * LINE_PLACES;

/** The longest text that is hashed where it does not disturb the one that is held. */
export const MOST_HASHED = 4096;

/** Where the index of a long message begins, from the start of its text. As many bytes as one read may take are left between. */
export function indexOffset(length: i32): i32 {
  return (length + 79) & ~15;
}

/** Where text and index have ended: four numbers for each line of a header, with four bytes each, are four times the text. */
export function endOffset(length: i32): i32 {
  return 5 * length + 1024;
}

/**
 * What the headers that an answer takes from a request of `length` bytes grow to at most: `v:` and CRLF, of which there may be
 * a quarter as many as there are bytes, become `Via: ` and CRLF.
 */
export function replySize(length: i32): i32 {
  return 2 * length + 1024;
}
