import type { SipMessage } from "./message.ts";

/** How much the core takes on at most. */
export interface CoreLimits {
  /**
   * Server transactions. Beyond it a request that opens something gets 503; requests inside dialogs may take a tenth
   * more and then get 481. There may be twice as many client transactions; beyond that no further target is tried.
   */
  readonly transactions: number;
  /** Bytes of the requests that these transactions hold, and of the answers that are kept of them; beyond it as above. */
  readonly requestBytes: number;
  /** Requests that open something per second, as many again at once after a quiet time; beyond it 503. Infinity = any number. */
  readonly newPerSecond: number;
}

export const DEFAULT_CORE_LIMITS: CoreLimits = {
  transactions: 500_000,
  requestBytes: 512 * 1024 * 1024,
  newPerSecond: Number.POSITIVE_INFINITY,
};

/** What requests inside dialogs may take beyond the limits for others. */
const RESERVE = 1.1;
/** A transaction holds more than its request; this counts for all that. */
const OVERHEAD_BYTES = 1000;
/** What it takes to find a kept answer. */
const KEPT_OVERHEAD_BYTES = 64;
/** Retry-After lies between these, in seconds, so that who was refused does not come back at once nor together. */
const RETRY_FROM = 5;
const RETRY_SPREAD = 26;

/** Whether there is room for one more transaction. */
export class Capacity {
  readonly limits: CoreLimits;
  private count = 0;
  private bytes = 0;
  private tokens: number;
  private tokensAt = 0;

  constructor(limits: Partial<CoreLimits> = {}) {
    this.limits = { ...DEFAULT_CORE_LIMITS, ...limits };
    this.tokens = 2 * this.limits.newPerSecond;
  }

  /** How full the fullest of the tables is, 0 to 1 and for requests inside dialogs a little more. */
  get fill(): number {
    return Math.max(this.count / this.limits.transactions, this.bytes / this.limits.requestBytes);
  }

  /**
   * Takes room for a request, or says why there is none.
   * @param now in ms
   */
  take(request: SipMessage, inDialog: boolean, now: number): string | undefined {
    if (this.fill >= (inDialog ? RESERVE : 1)) return "the gateway has as many transactions as it may";
    if (!inDialog && !this.takeToken(now)) return "the gateway lets in only so many new requests per second";
    this.count++;
    this.bytes += sizeOf(request);
    return undefined;
  }

  /** Gives back what `take` took. */
  giveBack(requestBytes: number): void {
    this.count--;
    this.bytes -= requestBytes + OVERHEAD_BYTES;
  }

  /** A request that is answered is held no more: so many bytes are kept of it, for `giveBackKept`. */
  shrink(requestBytes: number, keptBytes: number): void {
    this.bytes -= requestBytes + OVERHEAD_BYTES - keptBytes - KEPT_OVERHEAD_BYTES;
  }

  /** Gives back what `shrink` has left. */
  giveBackKept(keptBytes: number): void {
    this.count--;
    this.bytes -= keptBytes + KEPT_OVERHEAD_BYTES;
  }

  private takeToken(now: number): boolean {
    const { newPerSecond } = this.limits;
    if (newPerSecond === Number.POSITIVE_INFINITY) return true;
    const grown = this.tokens + ((now - this.tokensAt) / 1000) * newPerSecond;
    this.tokens = Math.min(2 * newPerSecond, grown);
    this.tokensAt = now;
    if (this.tokens < 1) return false;
    this.tokens--;
    return true;
  }
}

/** Seconds for Retry-After (§20.33), spread by 32 bits of a hash. */
export function retryAfterSeconds(hash: number): number {
  return RETRY_FROM + ((hash >>> 8) % RETRY_SPREAD);
}

function sizeOf({ text }: SipMessage): number {
  return text.length + OVERHEAD_BYTES;
}
