/** A source that is kept out for a while. */
export interface Ban {
  /** See `sourceKey`. */
  readonly source: string;
  readonly why: string;
  /** In ms of the clock that `add` was given. */
  readonly until: number;
}

/** Who is banned. All bans last equally long, so the oldest ends first; beyond the bound it ends early. */
export class Bans {
  readonly #lengthMs: number;
  readonly #bound: number;
  readonly #bans = new Map<string, Ban>();

  constructor(lengthMs: number, bound: number) {
    this.#lengthMs = lengthMs;
    this.#bound = bound;
  }

  /** Bans begun and not looked at since; one that has ended still counts until somebody looks. */
  get size(): number {
    return this.#bans.size;
  }

  add(source: string, why: string, now: number): void {
    this.#bans.delete(source);
    if (this.#bans.size >= this.#bound) {
      const oldest = this.#bans.keys().next();
      if (!oldest.done) this.#bans.delete(oldest.value);
    }
    this.#bans.set(source, { source, why, until: now + this.#lengthMs });
  }

  find(source: string, now: number): Ban | undefined {
    const ban = this.#bans.get(source);
    if (ban === undefined || ban.until > now) return ban;
    this.#bans.delete(source);
    return undefined;
  }

  /** What is in force, the one that ends first at the beginning. */
  list(now: number): Ban[] {
    for (const [source, { until }] of this.#bans) if (until <= now) this.#bans.delete(source);
    return [...this.#bans.values()];
  }

  /** Ends one ban, or all. @returns how many */
  lift(source?: string): number {
    if (source !== undefined) return this.#bans.delete(source) ? 1 : 0;
    const { size } = this.#bans;
    this.#bans.clear();
    return size;
  }
}
