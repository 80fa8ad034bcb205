/** What one look at the load shows. */
export interface LoadSample {
  /** How much later than due the look came, in ms: the delay of the event loop. */
  readonly delayMs: number;
  /** The share of the time since the last look in which the event loop had work, 0 to 1. */
  readonly busy: number;
  /** How full the fullest table or queue is, 0 to 1. */
  readonly fill: number;
}

/** How long lies between two looks. */
export const SAMPLE_MS = 200;
/** From here on a loop without rest counts as overloaded. */
const BUSY = 0.98;
const FILL = 0.8;
/** So many looks in a row without rest: the loop is behind. */
const BEHIND_LOOKS = 3;
/** New requests that are let in even so: somebody must find out that things are better again. */
const LEAST_SHARE = 0.02;
/** Per look, while work waits too long or a table fills up; and while there is merely no rest, which may be just enough. */
const CUT = 0.8;
const GENTLE_CUT = 0.97;
/** Per look: it takes ten seconds until everybody is let in again. */
const RISE = 0.02;

/**
 * How large a share of the new requests is let in. While the gateway is overloaded it falls with each look;
 * afterwards it rises slowly, so that the crowd that waits after an outage comes in bit by bit.
 */
export class Overload {
  readonly #delayLimitMs: number;
  #delay = 0;
  #busy = 0;
  #lastDelay = 0;
  #share = 1;
  #severe = false;
  #restless = 0;

  /** @param delayLimitMs the delay of the event loop, averaged over about a second, that counts as overload */
  constructor(delayLimitMs: number) {
    this.#delayLimitMs = delayLimitMs;
  }

  /** @param hold nothing is cut yet: something gentler is being tried */
  sample({ delayMs, busy, fill }: LoadSample, hold = false): void {
    // A single long stall is no overload, however long it was.
    const delay = Math.min(delayMs, 4 * this.#delayLimitMs);
    this.#delay += 0.2 * (delay - this.#delay);
    this.#busy += 0.05 * (busy - this.#busy);
    this.#restless = busy > BUSY ? this.#restless + 1 : 0;
    const restless = this.#busy > BUSY && busy > BUSY;
    if (this.#delay > this.#delayLimitMs || restless || fill > FILL) {
      // What waits is being worked off already when the delay shrinks: to cut on would leave the gateway idle later.
      const shrinks = delay < this.#lastDelay && fill <= FILL;
      const cut = this.#delay > this.#delayLimitMs || fill > FILL ? CUT : GENTLE_CUT;
      if (!shrinks && (!hold || fill > FILL)) this.#share = Math.max(LEAST_SHARE, this.#share * cut);
    } else this.#share = Math.min(1, this.#share + RISE);
    this.#lastDelay = delay;
    this.#severe = this.#delay > 2 * this.#delayLimitMs || fill >= 1;
  }

  /** True at once when the event loop falls behind: it is late, or without rest for several looks. */
  get behind(): boolean {
    return (
      this.#delayLimitMs !== Number.POSITIVE_INFINITY &&
      (this.#delay > this.#delayLimitMs || this.#restless >= BEHIND_LOOKS)
    );
  }

  /** True while anything at all is refused. */
  get active(): boolean {
    return this.#share < 1;
  }

  /** The share of new requests that is let in, 0 to 1. */
  get share(): number {
    return this.#share;
  }

  /** True when requests inside dialogs cannot be served either. */
  get severe(): boolean {
    return this.#severe;
  }

  /** Whether a new request gets in; all of one hash fare alike while the share stays. @param hash 32 bits */
  admits(hash: number): boolean {
    return (hash >>> 0) / 0x1_0000_0000 < this.#share;
  }
}
