import { PLACES } from "../places";
import { SHORT_INDEX } from "../regions";

/** Where what is found is written, a number of 32 bits for each place. */
export const FOUND: usize = memory.data(4 * PLACES, 16);

/** Where the index of a message that is not long is put. */
export const INDEX: usize = memory.data(4 * SHORT_INDEX, 16);

/** Where the text begins that is read. Behind it stands what an earlier and longer one has left. */
export const HELD: usize = (__heap_base + 63) & ~63;

/** The byte at a position of the text. */
export function at(i: i32): u32 {
  return load<u8>(HELD + i);
}

export function put(place: i32, value: i32): void {
  store<i32>(FOUND + (place << 2), value);
}

export function get(place: i32): i32 {
  return load<i32>(FOUND + (place << 2));
}

/** Notes where something stands. */
export function putSpan(place: i32, start: i32, end: i32): void {
  put(place, start);
  put(place + 1, end);
}
