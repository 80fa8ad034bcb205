/** Longer than any transaction lives: Timer C's 181 s and what follows it (RFC 3261 §16.6 step 11, §17). */
const LONGEST_TRANSACTION_MS = 240_000;

/** Who had, and has, the requests of which slot. */
export interface Epoch {
  readonly slots: readonly number[];
  /** When the next one began; Infinity for the present one. */
  endedAt: number;
}

/** The epochs of a gateway's processes, oldest first. An old one is kept while transactions begun in it may live. */
export class Epochs {
  #list: Epoch[] = [];

  get list(): readonly Epoch[] {
    return this.#list;
  }

  /** @param slots the process of each slot, from now on */
  begin(slots: readonly number[], now: number): void {
    const last = this.#list.at(-1);
    if (last !== undefined) last.endedAt = now;
    this.#list.push({ slots: [...slots], endedAt: Number.POSITIVE_INFINITY });
  }

  /**
   * Drops what is over: nobody of it lives any more, or whatever was begun in it has ended.
   * @param ring who serves now: those who do not, and live, still finish what is theirs
   * @returns true when some was
   */
  prune(alive: (id: number) => boolean, ring: readonly number[], now: number): boolean {
    const before = this.#list.length;
    this.#list = this.#list.filter(({ slots, endedAt }) => {
      if (endedAt === Number.POSITIVE_INFINITY) return true;
      const living = slots.filter(alive);
      return living.some((id) => !ring.includes(id)) || (living.length > 0 && now - endedAt < LONGEST_TRANSACTION_MS);
    });
    return this.#list.length < before;
  }
}
