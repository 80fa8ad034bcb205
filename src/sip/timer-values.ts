/** RFC 3261 table 4, RFC 6026 §7: base values in ms and what follows from them. */
export interface TimerValues {
  readonly t1: number;
  readonly t2: number;
  readonly t4: number;
  /** Timer C: how long a proxied INVITE may ring without a new provisional response. Must be above 180,000 ms (§16.6). */
  readonly timerC: number;
  /** No response at all within this time: the next candidate is tried beside it. */
  readonly firstResponse: number;
  /** No response at all to an in-dialog request within this time: its next hop is taken for dead (481). */
  readonly inDialogResponse: number;
}

export const DEFAULT_TIMER_VALUES: TimerValues = {
  t1: 500,
  t2: 4000,
  t4: 5000,
  timerC: 181_000,
  firstResponse: 4000,
  inDialogResponse: 10_000,
};
