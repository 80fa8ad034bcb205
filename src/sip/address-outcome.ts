import { isDigit, parseDecimal } from "./chars.ts";
import { Header } from "./header-names.ts";
import type { AddressOutcome } from "./host.ts";
import type { SipMessage } from "./message.ts";

const ANSWERED: AddressOutcome = { kind: "answered" };

/** What a response tells about the address that gave it. */
export function outcomeOf(response: SipMessage): AddressOutcome {
  if (response.status !== 503) return ANSWERED;
  const retryAfterSeconds = retryAfterOf(response);
  return retryAfterSeconds === undefined ? { kind: "unavailable" } : { kind: "unavailable", retryAfterSeconds };
}

/** The seconds of Retry-After = delta-seconds, then perhaps a comment or parameters (§20.33); undefined without one. */
export function retryAfterOf(response: SipMessage): number | undefined {
  const value = response.value(Header.RetryAfter) ?? "";
  let end = 0;
  while (isDigit(value.charCodeAt(end))) end++;
  const seconds = parseDecimal(value, 0, end, 0x7fffffff);
  return seconds < 0 ? undefined : seconds;
}
