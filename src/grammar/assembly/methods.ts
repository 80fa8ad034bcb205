import {
  ACK,
  BYE,
  CANCEL,
  INFO,
  INVITE,
  MESSAGE,
  NOTIFY,
  OPTIONS,
  OTHER_METHOD,
  PRACK,
  PUBLISH,
  REFER,
  REGISTER,
  SERVICE,
  SUBSCRIBE,
  UPDATE,
} from "../methods";
import { holdsExactly } from "./chars";
import { at } from "./held";

/** The number of a method, which is told by its case too (RFC 3261 §7.1). */
export function methodAt(start: i32, end: i32): i32 {
  const second = at(start + 1);
  switch (end - start) {
    case 3:
      return is(start, "ACK", ACK) | is(start, "BYE", BYE);
    case 4:
      return is(start, "INFO", INFO);
    case 5:
      return is(start, "PRACK", PRACK) | is(start, "REFER", REFER);
    case 6:
      if (second === 0x4e) return is(start, "INVITE", INVITE);
      return is(start, "CANCEL", CANCEL) | is(start, "NOTIFY", NOTIFY) | is(start, "UPDATE", UPDATE);
    case 7:
      return (
        is(start, "OPTIONS", OPTIONS) |
        is(start, "MESSAGE", MESSAGE) |
        is(start, "SERVICE", SERVICE) |
        is(start, "PUBLISH", PUBLISH)
      );
    case 8:
      return is(start, "REGISTER", REGISTER);
    case 9:
      return is(start, "SUBSCRIBE", SUBSCRIBE);
    default:
      return OTHER_METHOD;
  }
}

function is(start: i32, name: string, method: i32): i32 {
  return holdsExactly(start, name) ? method : OTHER_METHOD;
}
