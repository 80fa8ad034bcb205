/** How long things may take and how often they are tried, in milliseconds. */
export interface Pace {
  /** Until a control connection is open, TLS included. */
  readonly connectMs: number;
  /** Until the server has taken or refused the secret. */
  readonly acceptMs: number;
  /** Between two pings, and the silence after which a server counts as gone. */
  readonly pingMs: number;
  readonly silentMs: number;
  /** Until the server has confirmed an answer of ours. */
  readonly answerMs: number;
  /** The first wait before a server is dialled again; it doubles with each failure, up to the second. */
  readonly retryMs: number;
  readonly maxRetryMs: number;
  /** A connection that ended before it got so old counts as one more failure. */
  readonly settledMs: number;
}

export const PACE: Pace = {
  connectMs: 3000,
  acceptMs: 3000,
  pingMs: 5000,
  silentMs: 12_000,
  answerMs: 5000,
  retryMs: 250,
  maxRetryMs: 10_000,
  settledMs: 5000,
};
