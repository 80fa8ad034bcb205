import type { X509Certificate } from "node:crypto";
import { canonicalAddress } from "../../address.ts";

/**
 * The SIP domains that a certificate speaks for (RFC 5922 §7.1), in lower case: the hosts of its `sip:` URIs without a
 * user; without such, its DNS names; and only when it has no subjectAltName at all, its common name. Wildcards stay as
 * they are: nothing matches them (§7.2).
 */
export function sipIdentities(certificate: X509Certificate): string[] {
  const names = certificate.subjectAltName;
  if (names === undefined) {
    const common: unknown = certificate.toLegacyObject().subject?.CN;
    return typeof common === "string" ? [plainName(common)] : [];
  }
  const entries = splitAltNames(names);
  const uris = entries.flatMap(({ type, value }) => {
    const host =
      type === "URI" ? /^sip:(?:\/\/)?(\[[^\]]*\]|[^;:?/@]+)(?::\d+)?(?:[;?].*)?$/i.exec(value)?.[1] : undefined;
    return host === undefined ? [] : [plainName(host)];
  });
  if (uris.length > 0) return uris;
  return entries.filter(({ type }) => type === "DNS").map(({ value }) => plainName(value));
}

/**
 * Why a certificate is not that of `host`, as the rest of a sentence that starts with the peer; undefined when it is.
 * @param host the name or IP literal that we meant to reach
 */
export function nameFault(host: string, certificate: X509Certificate): string | undefined {
  const identities = sipIdentities(certificate);
  const address = canonicalAddress(host);
  // DEVIATION: RFC 5922 has no numeric identities; a pool given by its address is checked as HTTPS does (RFC 9110 §4.3.5).
  const presented = address === undefined ? identities : [...identities, ...addressesOf(certificate)];
  const expected = address ?? plainName(host);
  if (presented.includes(expected)) return undefined;
  const wildcard = presented.some((name) => name.startsWith("*.") && expected.endsWith(name.slice(1)));
  const hint = wildcard ? "; a wildcard does not count for SIP (RFC 5922 §7.2)" : "";
  return `showed a certificate for ${listed(presented)}, not for ${expected}${hint}`;
}

function listed(names: readonly string[]): string {
  if (names.length === 0) return "no name";
  const more = names.length - 5;
  return more > 0 ? `${names.slice(0, 5).join(", ")} and ${more} more` : names.join(", ");
}

function addressesOf(certificate: X509Certificate): string[] {
  return splitAltNames(certificate.subjectAltName ?? "")
    .filter(({ type }) => type === "IP Address")
    .flatMap(({ value }) => canonicalAddress(value) ?? []);
}

function plainName(name: string): string {
  const lower = name.toLowerCase();
  const bare = lower.endsWith(".") ? lower.slice(0, -1) : lower;
  return canonicalAddress(bare) ?? bare;
}

/** Takes Node's one-line form apart. A value with a comma or quote in it stands there as a JSON string. */
function splitAltNames(text: string): { type: string; value: string }[] {
  const entries: { type: string; value: string }[] = [];
  for (const [, type, value] of text.matchAll(/(?:^|, )([^:,"]+):("(?:[^"\\]|\\.)*"|[^,]*)/g)) {
    entries.push({ type: type!, value: value!.startsWith('"') ? (JSON.parse(value!) as string) : value! });
  }
  return entries;
}
