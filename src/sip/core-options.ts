import type { CoreLimits } from "./capacity.ts";
import type { Listener } from "./flow.ts";
import type { Neighbours } from "./neighbours.ts";
import type { TimerValues } from "./timer-values.ts";

export interface CoreOptions {
  readonly listeners: readonly Listener[];
  /** Two random 32-bit numbers: the key for branches and tags. */
  readonly key: readonly [number, number];
  /**
   * Keys for the tokens in our Record-Route URIs: the first signs, all verify. Gateways that stand for each other share
   * them. None = no tokens, and a dialog's requests are relayed without proof that we set it up.
   */
  readonly routeKeys?: readonly (readonly [number, number])[];
  readonly timers?: Partial<TimerValues>;
  /** Absent when this process is the only one. The neighbours have the same `key`. */
  readonly neighbours?: Neighbours | undefined;
  /** The most bytes of a request over UDP: the path MTU less 200 where that is known (§18.1.1). Default 1300. */
  readonly maxUdpRequestBytes?: number;
  readonly limits?: Partial<CoreLimits>;
}

/** What the core holds at the moment; all zero when nothing is under way. */
export interface CoreLoad {
  readonly serverTransactions: number;
  readonly clientTransactions: number;
  readonly timers: number;
  readonly queries: number;
}
