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

const CALL = "proxied call: INVITE 100 200 ACK INFO 200 BYE 200";

export const ROWS: readonly Row[] = [
  row("redirect-udp", "redirect over UDP: INVITE 302 ACK, without a transaction", "redirect", "udp"),
  {
    ...row("redirect-udp-log", "the same, with a line of log per call", "redirect", "udp"),
    logged: true,
    latency: false,
  },
  row("proxy-udp", `${CALL}, over UDP`, "proxy", "udp"),
  row("proxy-tcp", "the same over TCP", "proxy", "tcp"),
  row("proxy-tls", "the same over TLS", "proxy", "tls"),
  { ...row("subscribe-udp", "SUBSCRIBE 200 NOTIFY 200 over UDP", "subscribe", "udp"), latency: false },
  { ...row("mixed-udp", "5 of 10 proxied calls, 3 subscriptions, 2 redirects", "mixed", "udp"), latency: false },
];

function row(id: string, what: string, work: Row["work"], transport: Row["transport"]): Row {
  return { id, what, work, transport, calls: 64, logged: false, latency: true };
}
