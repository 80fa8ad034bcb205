/** How an endpoint answers: relay the call, or send the caller to the pool with a 3xx. */
export type EndpointMode = "proxy" | "redirect";
export type EndpointTransport = "auto" | "tls" | "tcp" | "udp";

/** One row of the table: a legacy address mapped to a pool. Rows are never changed in place, only replaced. */
export interface Endpoint {
  /** The legacy address as the operator wrote it, always with its `sip:` or `sips:` scheme. */
  readonly sipAddress: string;
  /** FQDN (or IP literal) of the Persistent Chat pool. */
  readonly poolFqdn: string;
  readonly displayName?: string;
  readonly mode: EndpointMode;
  /** The 3xx of redirect mode; Microsoft servers recurse on 303. */
  readonly redirectStatus: 302 | 303;
  readonly transport: EndpointTransport;
  readonly port?: number;
  /** `keep`: the Request-URI travels as dialled; `pool`: it becomes user@pool. */
  readonly requestUri: "keep" | "pool";
  readonly enabled: boolean;
  readonly backupPool?: string;
  /**
   * Answers, besides 503, after which the next server or the backup pool is tried: statuses from 400 to 599 in
   * ascending order, such as `404,480`.
   */
  readonly failoverOn?: string;
  /** The gateway registers itself for this address at the registrar of its configuration. */
  readonly register?: true;
  /**
   * A tombstone: the address is gone for good, and every request for it gets this answer. The row stays, so that it
   * is seen who still calls.
   */
  readonly retired?: 404 | 410;
  /** What callers of a retired endpoint are told. */
  readonly retiredReason?: string;
  /** 1 for a new row, one more for each change of it. */
  readonly version: number;
  /** ISO 8601, UTC. */
  readonly createdAt: string;
  readonly createdBy: string;
  readonly updatedAt: string;
  readonly updatedBy: string;
}
