import type { Work } from "./load/work.ts";

/** One row of the tables: a work over a transport, the same for every server. */
export interface Row {
  readonly id: string;
  /** For people. */
  readonly what: string;
  readonly work: Exclude<Work, "hold">;
  readonly transport: "udp" | "tcp" | "tls";
  /** Calls that are under way at once where the most that a server can do is measured. */
  readonly calls: number;
  /** One line of log for each call. */
  readonly logged: boolean;
  /** Whether the latency at half load is measured too. */
  readonly latency: boolean;
}

export const ROWS: readonly Row[] = [
  row("redirect-udp", "redirect over UDP: INVITE 302 ACK, no transaction", "redirect", "udp"),
  {
    ...row("redirect-udp-log", "redirect over UDP, a line of log per call", "redirect", "udp"),
    logged: true,
    latency: false,
  },
  row("proxy-udp", "proxied call over UDP: INVITE 100 200 ACK INFO 200 BYE 200", "proxy", "udp"),
  row("proxy-tcp", "proxied call over TCP, 16 connections", "proxy", "tcp"),
  row("proxy-tls", "proxied call over TLS, 16 connections", "proxy", "tls"),
  { ...row("subscribe-udp", "SUBSCRIBE 200 NOTIFY 200 over UDP", "subscribe", "udp"), latency: false },
  {
    ...row("mixed-udp", "mixed over UDP: 5 proxied calls, 3 subscriptions, 2 redirects", "mixed", "udp"),
    latency: false,
  },
];

function row(id: string, what: string, work: Row["work"], transport: Row["transport"]): Row {
  return { id, what, work, transport, calls: 64, logged: false, latency: true };
}
