import type { SipMessage } from "../sip/message.ts";
import { bracketed, parseUri, uriParam } from "../sip/uri.ts";
import { seconds } from "./digest.ts";
import { contactsOf, headerValues } from "./register-message.ts";

/** The URI parameter of our Contact that leads back to the row: the domain of the legacy address. */
export const DOMAIN_PARAM = "waypost-domain";

/** By what a Contact is known as ours, and how long it was to live. */
export interface AskedBinding {
  readonly user: string;
  readonly domain: string;
  /** Our `host:port` in the Contact; undefined where none was sent yet. */
  readonly sentBy: string | undefined;
  /** Seconds. */
  readonly asked: number;
}

/**
 * How long our binding lives, in seconds, by the response to its REGISTER (RFC 3261 §10.2.4): its own `expires`, else
 * Expires, else what we asked for. 0 where the response has bindings, and none that could be ours.
 */
export function grantedSeconds(response: SipMessage, binding: AskedBinding): number {
  const contacts = contactsOf(response);
  const ours = contacts.find(({ uri }) => isOurs(uri, binding));
  if (ours === undefined && contacts.length > 0) {
    // A border element may have put its own address in place of ours; several leave no way to tell.
    return contacts.length === 1 ? (contacts[0]!.expires ?? binding.asked) : 0;
  }
  return ours?.expires ?? seconds(headerValues(response, "expires")[0]) ?? binding.asked;
}

function isOurs(text: string, { user, domain, sentBy }: AskedBinding): boolean {
  const uri = parseUri(text);
  if (uri?.user?.toLowerCase() !== user.toLowerCase() || sentBy === undefined) return false;
  const at = uri.port === undefined ? bracketed(uri.host) : `${bracketed(uri.host)}:${uri.port}`;
  const named = uriParam(uri, DOMAIN_PARAM) ?? domain;
  return at === sentBy.toLowerCase() && named.toLowerCase() === domain;
}
