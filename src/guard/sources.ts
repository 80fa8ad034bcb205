import { canonicalAddress } from "../address.ts";

/** How fast one source may send, and how much more at once after a quiet time. */
export interface Rate {
  /** Messages per second; Infinity = any number. */
  readonly perSecond: number;
  readonly burst: number;
}

/** One source and its token bucket: a message takes a token, and tokens grow back at the rate. */
export class Source {
  readonly key: string;
  tokens: number;
  at: number;
  /** The address of this source that was last found to be exempt from limits. */
  exempt: string | undefined;
  /** When it was last told that this source is over its rate. */
  toldAt = Number.NEGATIVE_INFINITY;
  /** That its last message came from. */
  address = "";
  /** Messages in the present look at the load; see Guard.look. */
  heard = 0;
  /** A rate of its own below that of the others, while it sends more than its share. Messages per second. */
  cap = Number.POSITIVE_INFINITY;
  /** When its last message came on a connection. */
  messageAt = Number.NEGATIVE_INFINITY;
  /** Offences since `offendedAt`. */
  offences = 0;
  offendedAt = 0;

  constructor(key: string, tokens: number, at: number) {
    this.key = key;
    this.tokens = tokens;
    this.at = at;
  }
}

/**
 * Who has sent something lately. The table is bounded: sources live in two generations, and when the younger one has
 * half of the bound, the older is forgotten and the younger grows old. Who is heard again comes back into the younger.
 * Who is forgotten begins with a full bucket.
 */
export class Sources {
  #rate: Rate;
  readonly #half: number;
  #young = new Map<string, Source>();
  #old = new Map<string, Source>();

  /** @param bound how many sources are remembered at most */
  constructor(rate: Rate, bound: number) {
    this.#rate = rate;
    this.#half = Math.max(1, bound >> 1);
  }

  /** From now on sources are held to this rate. */
  set rate(rate: Rate) {
    this.#rate = rate;
  }

  get size(): number {
    return this.#young.size + this.#old.size;
  }

  /** The source that an address belongs to, its tokens as of now. @param now in ms of a monotonic clock */
  of(address: string, now: number): Source {
    const key = sourceKey(address);
    let source = this.#young.get(key);
    if (source === undefined) {
      source = this.#old.get(key);
      if (source === undefined) source = new Source(key, this.#rate.burst, now);
      else this.#old.delete(key);
      if (this.#young.size >= this.#half) {
        this.#old = this.#young;
        this.#young = new Map();
      }
      this.#young.set(key, source);
    }
    if (now > source.at) {
      const burst = Math.min(this.#rate.burst, 2 * source.cap);
      const grown = source.tokens + ((now - source.at) / 1000) * this.perSecond(source);
      source.tokens = grown < burst ? grown : burst;
      source.at = now;
    }
    return source;
  }

  /** How many messages a second a source may send at the moment. */
  perSecond(source: Source): number {
    return Math.min(this.#rate.perSecond, source.cap);
  }

  /** How long until an overdrawn source may be heard again, in ms. */
  waitMs(source: Source): number {
    return source.tokens >= 0 ? 0 : (-source.tokens / this.perSecond(source)) * 1000;
  }
}

/**
 * The source that a person names by an address in any spelling, or by its network as lists of bans write it. Undefined
 * where it names none.
 */
export function sourceNamed(name: string): string | undefined {
  const isNetwork = name.endsWith(NETWORK);
  const address = canonicalAddress(isNetwork ? name.slice(0, -NETWORK.length) : name);
  if (address === undefined || (isNetwork && !address.includes(":"))) return undefined;
  return sourceKey(address);
}

/** By what sources are told apart: an IPv4 address, or the /64 of an IPv6 address, since whoever has one has all of it. */
export function sourceKey(address: string): string {
  if (!address.includes(":")) return address;
  const gap = address.indexOf("::");
  const before = (gap < 0 ? address : address.slice(0, gap)).split(":").filter((group) => group !== "");
  if (gap >= 0 && before.length < 4) {
    const after = address
      .slice(gap + 2)
      .split(":")
      .filter((group) => group !== "");
    const zeros = 8 - before.length - after.length;
    for (let i = 0; i < zeros; i++) before.push("0");
    before.push(...after);
  }
  return `${before.slice(0, 4).join(":")}::${NETWORK}`;
}

const NETWORK = "/64";
