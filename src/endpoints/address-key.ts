/**
 * The comparison key of a Request-URI: `user@host` in lower case, or undefined where there is none (no SIP URI, no
 * user, no host, or bytes that no URI may hold).
 *
 * The rules are those of RFC 3261 §19.1.4 as far as they fit a look-up in a table:
 * - `%HH` is the character it stands for, unless that is a reserved one, which only equals itself escaped.
 * - Scheme, port, parameters and headers do not count: the table maps an address, not a way to reach it.
 * - A password does not count either; §19.1.1 deprecates it and it names nobody else.
 * - DEVIATION: the user part is compared without case, since legacy clients dial `OCSChat@` for `ocschat@`.
 *
 * This runs once for each SIP request: one pass, and a copy only where the text is not in its final form yet.
 */
export function addressKey(uri: string): string | undefined {
  const length = uri.length;
  const start = endOfScheme(uri);
  if (start === 0) {
    return undefined;
  }

  let userEnd = -1;
  let exact = true;
  let at = start;
  for (; at < length; at++) {
    const code = uri.charCodeAt(at);
    if (code === 0x40) {
      break;
    }
    if (code === 0x3a) {
      userEnd = userEnd < 0 ? at : userEnd;
    } else if (code <= 0x20 || code >= 0x7f) {
      return undefined;
    } else if (code === 0x25 || (code >= 0x41 && code <= 0x5a)) {
      exact = false;
    }
  }
  if (at === length) {
    return undefined;
  }
  const hasPassword = userEnd >= 0;
  userEnd = hasPassword ? userEnd : at;
  const hostStart = at + 1;
  const hostEnd = endOfHost(uri, hostStart);
  if (userEnd === start || hostEnd <= hostStart) {
    return undefined;
  }
  for (let i = hostStart; i < hostEnd; i++) {
    const code = uri.charCodeAt(i);
    if (code >= 0x41 && code <= 0x5a) {
      exact = false;
    }
  }

  if (!hasPassword && exact) {
    return uri.slice(start, hostEnd);
  }
  const user = unescapeUser(uri.slice(start, userEnd));
  return user === undefined ? undefined : `${user}@${uri.slice(hostStart, hostEnd)}`.toLowerCase();
}

/** Index behind `sip:` or `sips:` in any case, 0 when the text starts otherwise. */
function endOfScheme(uri: string): number {
  if (
    (uri.charCodeAt(0) | 0x20) !== 0x73 ||
    (uri.charCodeAt(1) | 0x20) !== 0x69 ||
    (uri.charCodeAt(2) | 0x20) !== 0x70
  ) {
    return 0;
  }
  const next = uri.charCodeAt(3);
  if (next === 0x3a) {
    return 4;
  }
  return (next | 0x20) === 0x73 && uri.charCodeAt(4) === 0x3a ? 5 : 0;
}

/**
 * Index behind the host that starts at `start`, without the dot that may end a host name (RFC 3261 §25.1 hostname);
 * -1 when a character stands there that no host may hold.
 */
function endOfHost(uri: string, start: number): number {
  const length = uri.length;
  if (uri.charCodeAt(start) === 0x5b) {
    const bracket = uri.indexOf("]", start);
    return bracket > start + 1 && isEndOfHostPort(uri, bracket + 1) && isHexAndColons(uri, start + 1, bracket)
      ? bracket + 1
      : -1;
  }
  let end = start;
  for (; end < length; end++) {
    const code = uri.charCodeAt(end);
    const lower = code | 0x20;
    if (
      !(
        (lower >= 0x61 && lower <= 0x7a) ||
        (code >= 0x30 && code <= 0x39) ||
        code === 0x2e ||
        code === 0x2d ||
        code === 0x5f
      )
    ) {
      break;
    }
  }
  if (!isEndOfHostPort(uri, end)) {
    return -1;
  }
  return uri.charCodeAt(end - 1) === 0x2e ? end - 1 : end;
}

function isEndOfHostPort(uri: string, index: number): boolean {
  if (index >= uri.length) {
    return true;
  }
  const code = uri.charCodeAt(index);
  return code === 0x3a || code === 0x3b || code === 0x3f;
}

function isHexAndColons(uri: string, start: number, end: number): boolean {
  for (let i = start; i < end; i++) {
    const code = uri.charCodeAt(i);
    const lower = code | 0x20;
    if (!((code >= 0x30 && code <= 0x3a) || (lower >= 0x61 && lower <= 0x66) || code === 0x2e)) {
      return false;
    }
  }
  return true;
}

/** Resolves the escapes of a user part; undefined when one is broken. What must stay escaped stays so. */
function unescapeUser(user: string): string | undefined {
  let percent = user.indexOf("%");
  if (percent < 0) {
    return user;
  }
  let result = "";
  let copied = 0;
  for (; percent >= 0; percent = user.indexOf("%", percent + 3)) {
    const code = hexDigit(user.charCodeAt(percent + 1)) * 16 + hexDigit(user.charCodeAt(percent + 2));
    if (Number.isNaN(code)) {
      return undefined;
    }
    if (code > 0x20 && code < 0x7f && !STAYS_ESCAPED.includes(String.fromCharCode(code))) {
      result += user.slice(copied, percent) + String.fromCharCode(code);
      copied = percent + 3;
    }
  }
  return result + user.slice(copied);
}

/** The reserved characters of RFC 3261 §25.1, and the percent sign itself, without which a key could mean two users. */
const STAYS_ESCAPED = ";/?:@&=+$,%";

function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) {
    return code - 0x30;
  }
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : Number.NaN;
}

/** The key of a stored row, whose address has passed validation. */
export function keyOf(endpoint: { readonly sipAddress: string }): string {
  const key = addressKey(endpoint.sipAddress);
  if (key === undefined) {
    throw new TypeError(`not a validated SIP address: ${endpoint.sipAddress}`);
  }
  return key;
}
