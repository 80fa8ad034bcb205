import { isIP, SocketAddress } from "node:net";
import { networkInterfaces } from "node:os";

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

/**
 * The address to advertise for a wildcard listener nobody gave a name: the machine's first address of that family
 * other machines can see, else loopback. No peer could send anything to a Via or Record-Route of `0.0.0.0`.
 */
export function addressOfThisMachine(family: 4 | 6): string {
  for (const addresses of Object.values(networkInterfaces())) {
    for (const { address, family: kind, internal } of addresses ?? []) {
      if (!internal && kind === `IPv${family}` && !address.toLowerCase().startsWith("fe80:")) return address;
    }
  }
  return family === 4 ? "127.0.0.1" : "::1";
}

/** What a socket error means, in words. @param peer the other side as `address:port` */
export function explainSocketError(error: NodeJS.ErrnoException, peer: string): string {
  switch (error.code) {
    case "ECONNREFUSED":
      return `connection refused by ${peer}`;
    case "ECONNRESET":
    case "EPIPE":
      return `connection reset by ${peer}`;
    case "ETIMEDOUT":
      return `${peer} does not answer`;
    case "EHOSTUNREACH":
    case "ENETUNREACH":
    case "EADDRNOTAVAIL":
    case "EINVAL":
      return `no route to ${peer} (${error.code})`;
    case "EMSGSIZE":
      return `the datagram to ${peer} is too big for UDP`;
    case "EACCES":
    case "EPERM":
      return `the system does not let us send to ${peer} (${error.code})`;
    default:
      return `${peer}: ${error.code ?? error.message}`;
  }
}

/** Why an address cannot be bound, in words. */
export function explainBindError(error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case "EADDRINUSE":
      return "address already in use (EADDRINUSE)";
    case "EACCES":
      return "ports below 1024 need a privilege such as CAP_NET_BIND_SERVICE (EACCES)";
    case "EADDRNOTAVAIL":
      return "no interface of this machine has that address (EADDRNOTAVAIL)";
    default:
      return error.code ?? error.message;
  }
}
