import { isIP, SocketAddress } from "node:net";

/**
 * The one spelling of an IP literal by which addresses are compared: no brackets, no zone, the shortest lower-case
 * form for IPv6, and plain IPv4 for IPv4 mapped into IPv6. Undefined for anything which is not an IP literal.
 */
export function canonicalAddress(address: string): string | undefined {
  const bare = address.startsWith("[") && address.endsWith("]") ? address.slice(1, -1) : address;
  const version = isIP(bare);
  if (version === 4) return bare;
  if (version === 0) return undefined;
  const canonical = new SocketAddress({ address: withoutZone(bare), family: "ipv6" }).address;
  const mapped = canonical.startsWith("::ffff:") ? canonical.slice(7) : "";
  return isIP(mapped) === 4 ? mapped : canonical;
}

/** The zone of a link-local address with its percent sign (`%eth0`), else "". The socket calls need it; SIP never sees it. */
export function zoneOf(address: string): string {
  const at = address.indexOf("%");
  return at < 0 ? "" : address.slice(at).replace(/\]$/, "");
}

export function withoutZone(address: string): string {
  const at = address.indexOf("%");
  return at < 0 ? address : address.slice(0, at);
}

export function isWildcard(address: string): boolean {
  return address === "0.0.0.0" || address === "::";
}

/** `192.0.2.1:5060`, `[2001:db8::1]:5060`. */
export function hostPort(address: string, port: number): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}
