/** A transport over an address family, with the port of whoever listens there. */
export interface Side {
  readonly transport: "udp" | "tcp" | "tls";
  readonly family: 4 | 6;
  readonly port: number;
}

export const LOOPBACK = { 4: "127.0.0.1", 6: "::1" } as const;

/** `tls6`. */
export function nameOf({ transport, family }: Omit<Side, "port">): string {
  return `${transport}${family}`;
}

/** `tls:[::1]:5061`, as Kamailio and `resolve.hosts` write it. */
export function targetOf({ transport, family, port }: Side): string {
  return `${transport}:${family === 6 ? "[::1]" : "127.0.0.1"}:${port}`;
}
