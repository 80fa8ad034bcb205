import { longName, type Message } from "../support/sip-text.ts";

/** Headers that a proxy adds to, counts down or takes away (RFC 3261 §16.6); tests look at them one by one. */
const PROXY_HEADERS = new Set(["via", "record-route", "route", "max-forwards", "content-length"]);

/**
 * The header lines that go through a proxy as they are: name and value byte for byte, in order. Only a compact name may
 * have been written out, so names of one letter are given in their long form.
 */
export function unchangedParts(message: Message): string[] {
  return message.headers
    .filter(({ name }) => !PROXY_HEADERS.has(longName(name)))
    .map(({ name, value }) => `${name.length === 1 ? longName(name) : canonical(name)}: ${value}`);
}

/** Names that have a compact form are compared without case, since the other side may have been the compact form. */
function canonical(name: string): string {
  const lower = name.toLowerCase();
  return ["call-id", "contact", "content-type", "from", "subject", "to"].includes(lower) ? lower : name;
}
