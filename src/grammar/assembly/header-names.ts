import {
  CALL_ID,
  CONTENT_LENGTH,
  CSEQ,
  FROM,
  MAX_FORWARDS,
  OTHER,
  PROXY_AUTHORIZATION,
  PROXY_REQUIRE,
  REASON,
  RECORD_ROUTE,
  RETRY_AFTER,
  ROUTE,
  TIMESTAMP,
  TO,
  VIA,
} from "../header-ids";
import { charOf, holds, textAt } from "./chars";
import { at } from "./held";

// Each line of each message is looked up here, and which header comes next cannot be foreseen, so a name is not found by
// asking one question after the other: its length and first letter lead to a place in a table, which holds one name.

/** In a place: a name in small letters, what makes its letters small, and which of the sixteen bytes belong to it. */
const NAME: usize = 0;
const SMALL: usize = 16;
const WITHIN: usize = 32;
const LENGTH: usize = 48;
const ID: usize = 52;
const PLACE_BYTES: i32 = 64;
/** With so many, and by the way of `placeOf`, no two of the names have one place. */
const TABLE_PLACES: i32 = 64;
const LONGEST: i32 = 16;
const HYPHEN: u32 = 0x2d;

const TABLE: usize = memory.data(64 * 64, 64);
add("v", VIA);
add("f", FROM);
add("t", TO);
add("i", CALL_ID);
add("l", CONTENT_LENGTH);
add("to", TO);
add("via", VIA);
add("from", FROM);
add("cseq", CSEQ);
add("route", ROUTE);
add("reason", REASON);
add("call-id", CALL_ID);
add("timestamp", TIMESTAMP);
add("retry-after", RETRY_AFTER);
add("max-forwards", MAX_FORWARDS);
add("record-route", RECORD_ROUTE);
add("proxy-require", PROXY_REQUIRE);
add("content-length", CONTENT_LENGTH);

function add(name: string, id: i32): void {
  const place = placeOf(charOf(name, 0), name.length);
  for (let i = 0; i < name.length; i++) {
    const c = charOf(name, i);
    store<u8>(place + i, c, NAME);
    store<u8>(place + i, c === HYPHEN ? 0 : 0x20, SMALL);
    store<u8>(place + i, 0xff, WITHIN);
  }
  store<i32>(place, name.length, LENGTH);
  store<i32>(place, id, ID);
}

function placeOf(first: u32, length: i32): usize {
  return TABLE + (((first | 0x20) + 4 * length) & (TABLE_PLACES - 1)) * PLACE_BYTES;
}

/** Which header the name in `[start, end)` is, long or compact (RFC 3261 §7.3.3), in any case. */
export function headerId(start: i32, end: i32): i32 {
  const length = end - start;
  if (length > LONGEST) return length === 19 && holds(start, "proxy-authorization") ? PROXY_AUTHORIZATION : OTHER;
  const place = placeOf(at(start), length);
  const small = v128.or(textAt(start), v128.load(place, SMALL));
  const differs = v128.and(v128.xor(small, v128.load(place, NAME)), v128.load(place, WITHIN));
  return load<i32>(place, LENGTH) === length && !v128.any_true(differs) ? load<i32>(place, ID) : OTHER;
}
