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
import { holds } from "./chars";
import { at } from "./held";

/** Which header the name in `[start, end)` is, long or compact (RFC 3261 §7.3.3), in any case. The name is a token. */
export function headerId(start: i32, end: i32): i32 {
  switch (end - start) {
    case 1:
      return compactId(at(start) | 0x20);
    case 2:
      return is(start, "to", TO);
    case 3:
      return is(start, "via", VIA);
    case 4:
      return is(start, "from", FROM) | is(start, "cseq", CSEQ);
    case 5:
      return is(start, "route", ROUTE);
    case 6:
      return is(start, "reason", REASON);
    case 7:
      return is(start, "call-id", CALL_ID);
    case 9:
      return is(start, "timestamp", TIMESTAMP);
    case 11:
      return is(start, "retry-after", RETRY_AFTER);
    case 12:
      return is(start, "max-forwards", MAX_FORWARDS) | is(start, "record-route", RECORD_ROUTE);
    case 13:
      return is(start, "proxy-require", PROXY_REQUIRE);
    case 14:
      return is(start, "content-length", CONTENT_LENGTH);
    case 19:
      return is(start, "proxy-authorization", PROXY_AUTHORIZATION);
    default:
      return OTHER;
  }
}

function compactId(letter: u32): i32 {
  if (letter === 0x76) return VIA;
  if (letter === 0x66) return FROM;
  if (letter === 0x74) return TO;
  if (letter === 0x69) return CALL_ID;
  return letter === 0x6c ? CONTENT_LENGTH : OTHER;
}

function is(start: i32, lower: string, id: i32): i32 {
  return holds(start, lower) ? id : OTHER;
}
