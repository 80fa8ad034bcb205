import { Grammar } from "sip.js/lib/grammar/index.js";
import { WaypostError } from "../errors.ts";
import { addressKey } from "./address-key.ts";
import { hostNameFault, isIpLiteral } from "./host.ts";

/** A legacy address that passed the strict grammar. */
export interface SipAddress {
  /** With its scheme in lower case; user and domain as they were written. */
  readonly uri: string;
  /** See {@link addressKey}. */
  readonly key: string;
}

/**
 * Reads a SIP address as a person types it: `sip:user@domain`, `sips:user@domain`, or `user@domain`, which gets `sip:`.
 * Neither port nor password, parameters or headers are allowed.
 * @throws WaypostError ADDRESS_INVALID that says which part is wrong
 */
export function parseSipAddress(text: string): SipAddress {
  const address = text.trim();
  if (address.length === 0) {
    throw fault(text, "it is empty");
  }
  if (address.length > MAX_LENGTH) {
    throw new WaypostError(
      "ADDRESS_INVALID",
      `SIP address "${address.slice(0, 40)}…" is not valid: it has ${address.length} characters, at most ${MAX_LENGTH} are allowed`,
    );
  }
  const { scheme, rest } = splitScheme(address);
  const at = rest.indexOf("@");
  if (at < 0) {
    throw fault(address, "the user is missing; an address has the form user@domain");
  }
  const user = rest.slice(0, at);
  const domain = rest.slice(at + 1);
  checkUser(address, user);
  checkDomain(address, domain);

  const uri = `${scheme}:${user}@${domain}`;
  // The grammar costs about a millisecond. A plain address is valid by it beyond doubt, and a table may hold a million.
  if (!isPlain(user) && Grammar.URIParse(uri) === undefined) {
    throw fault(address, `the user "${user}" contains a character that must be written as %HH (RFC 3261 §25.1)`);
  }
  const key = addressKey(uri);
  if (key === undefined) {
    throw fault(address, "it has no form by which callers could reach it");
  }
  return { uri, key };
}

const MAX_LENGTH = 320;

function splitScheme(address: string): { scheme: string; rest: string } {
  const colon = address.indexOf(":");
  const at = address.indexOf("@");
  if (colon < 0 || (at >= 0 && colon > at)) {
    return { scheme: "sip", rest: address };
  }
  const scheme = address.slice(0, colon).toLowerCase();
  if (scheme === "sip" || scheme === "sips") {
    return { scheme, rest: address.slice(colon + 1) };
  }
  throw fault(address, `it starts with "${address.slice(0, colon)}:"; only sip: and sips: are allowed`);
}

function checkUser(address: string, user: string): void {
  if (user.length === 0) {
    throw fault(address, "the user in front of the @ is missing");
  }
  if (user.includes(":")) {
    throw fault(address, "the user contains a colon; a password is not allowed");
  }
}

function checkDomain(address: string, domain: string): void {
  if (domain.length === 0) {
    throw fault(address, "the domain behind the @ is missing");
  }
  for (const [mark, what] of FORBIDDEN_BEHIND_DOMAIN) {
    if (domain.includes(mark)) {
      throw fault(address, what);
    }
  }
  if (domain.startsWith("[")) {
    if (!domain.endsWith("]") || !isIpLiteral(domain.slice(1, -1))) {
      throw fault(address, domain.includes("]:") ? "a port is not allowed" : `"${domain}" is no IPv6 address`);
    }
    return;
  }
  if (domain.includes(":")) {
    throw fault(address, isIpLiteral(domain) ? "an IPv6 address needs brackets" : "a port is not allowed");
  }
  if (isIpLiteral(domain)) {
    return;
  }
  const wrong = hostNameFault(domain);
  if (wrong !== undefined) {
    throw fault(address, `the domain "${domain}" ${wrong}`);
  }
}

const FORBIDDEN_BEHIND_DOMAIN = [
  ["@", "it contains more than one @"],
  [";", "parameters are not allowed"],
  ["?", "headers are not allowed"],
  [">", "it is to be given without angle brackets"],
] as const;

/** Letters, digits, dot, hyphen and underscore: a subset of the grammar's `user` that needs no parser. */
function isPlain(user: string): boolean {
  for (let i = 0; i < user.length; i++) {
    const code = user.charCodeAt(i);
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
      return false;
    }
  }
  return true;
}

function fault(address: string, what: string): WaypostError {
  return new WaypostError("ADDRESS_INVALID", `SIP address "${address}" is not valid: ${what}`);
}
