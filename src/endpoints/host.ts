import { isIPv4, isIPv6 } from "node:net";

/** True for an IPv4 literal or an IPv6 literal without brackets and without a zone. */
export function isIpLiteral(host: string): boolean {
  return isIPv4(host) || (isIPv6(host) && !host.includes("%"));
}

/** A host as a URI writes it: an IPv6 literal gets its brackets (RFC 3261 §25.1 IPv6reference). */
export function uriHost(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}

/**
 * What is wrong with a host name, as the rest of a sentence that starts with the name; undefined when nothing is.
 * The rule is that of RFC 1123 §2.1 (letters, digits, hyphens) with the last label of RFC 3261 §25.1, which
 * starts with a letter so that no name looks like an address.
 */
export function hostNameFault(name: string): string | undefined {
  if (name.length === 0) {
    return "is empty";
  }
  if (name.length > 253) {
    return `has ${name.length} characters, at most 253 are allowed`;
  }
  const labels = name.split(".");
  for (const label of labels) {
    if (label.length === 0) {
      return "has an empty label (a dot too many)";
    }
    if (label.length > 63) {
      return `has a label of ${label.length} characters, at most 63 are allowed`;
    }
    for (const character of label) {
      if (!isLetterDigitHyphen(character)) {
        return `contains ${JSON.stringify(character)}; only letters, digits, hyphens and dots are allowed`;
      }
    }
    if (label.startsWith("-") || label.endsWith("-")) {
      return `has the label "${label}", which starts or ends with a hyphen`;
    }
  }
  const first = labels[labels.length - 1]!.charCodeAt(0) | 0x20;
  return first >= 0x61 && first <= 0x7a ? undefined : "must have a last label that starts with a letter";
}

/**
 * What is wrong with a pool's host, as the rest of a sentence that starts with the name; undefined when nothing is.
 * Allowed are a fully qualified domain name and, for labs without DNS, an IP literal without brackets.
 */
export function poolHostFault(host: string): string | undefined {
  if (isIpLiteral(host)) {
    return undefined;
  }
  const fault = hostNameFault(host);
  if (fault !== undefined) {
    return fault;
  }
  return host.includes(".") ? undefined : "has no dot; a fully qualified domain name or an IP address is needed";
}

function isLetterDigitHyphen(character: string): boolean {
  const code = character.charCodeAt(0);
  return (code >= 0x30 && code <= 0x39) || ((code | 0x20) >= 0x61 && (code | 0x20) <= 0x7a) || code === 0x2d;
}
