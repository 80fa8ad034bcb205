import { PARAM_NAME_END, PARAM_NAME_START, PARAM_VALUE_END, PARAM_VALUE_START } from "../places";
import { holds, skipLws, skipQuoted, skipToken, skipValue } from "./chars";
import { at, put } from "./held";

// The walk over the `;name=value` parameters of one header value (generic-param, RFC 3261 §25.1). There is one at a time.

let end = 0;
let position = 0;
let nameStart = 0;
export let nameEnd = 0;
export let valueStart = 0;
export let valueEnd = 0;
/** True once a malformed parameter was met; the walk ends there. */
export let isMalformed = false;

/** Begins a walk. @param start position of the first `;`, or of white space before it */
export function beginParams(start: i32, stop: i32): void {
  position = start;
  end = stop;
  isMalformed = false;
}

/**
 * Moves to the next parameter. It stops at the end of the text or at a comma, the start of the next value of a list.
 * @returns false at the end, or when the next one is malformed
 */
export function nextParam(): bool {
  let i = skipLws(position, end);
  position = i;
  if (i >= end || at(i) === 0x2c) return false;
  if (at(i) !== 0x3b) return fail();
  nameStart = skipLws(i + 1, end);
  i = nameEnd = skipToken(nameStart, end);
  if (i === nameStart) return fail();
  const afterName = skipLws(i, end);
  valueStart = valueEnd = i;
  if (afterName < end && at(afterName) === 0x3d) {
    i = valueStart = skipLws(afterName + 1, end);
    if (i < end && at(i) === 0x22) i = skipQuoted(i, end);
    // Wider than the grammar's token: hosts, IPv6 literals and Microsoft's values stand here too.
    else i = skipValue(i, end);
    if (i <= valueStart) return fail();
    valueEnd = i;
  }
  position = i;
  return true;
}

/** Where the walk stands; after the last parameter, where the value ends. */
export function paramPosition(): i32 {
  return position;
}

/** True where the name is `lower`, in any case. */
export function isParam(lower: string): bool {
  return nameEnd - nameStart === lower.length && holds(nameStart, lower);
}

export function hasValue(): bool {
  return valueEnd > valueStart;
}

/** nextParam for those outside: tells what it stands at. */
export function findParam(): bool {
  const found = nextParam();
  put(PARAM_NAME_START, nameStart);
  put(PARAM_NAME_END, nameEnd);
  put(PARAM_VALUE_START, valueStart);
  put(PARAM_VALUE_END, valueEnd);
  return found;
}

function fail(): bool {
  isMalformed = true;
  return false;
}
