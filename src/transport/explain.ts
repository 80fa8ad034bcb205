import { networkInterfaces } from "node:os";

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
