import type { Source } from "./sources.ts";

/** Who sends at least this share of all messages between two looks is heavy. */
const HEAVY_SHARE = 0.25;
/** Fewer messages than this between two looks are no load, whoever sends them. */
const LEAST_MESSAGES = 20;
/** Sources with a rate of their own; of more, the first is let go. */
const MOST_CAPPED = 1000;

/** Finds those who make the load, so that under it their rate is tightened and not that of everybody. */
export class HeavySources {
  /** Those heard since the last look. */
  #heard: Source[] = [];
  #messages = 0;
  readonly #capped = new Set<Source>();

  /** Counts a message. */
  heard(source: Source, address: string): void {
    source.address = address;
    if (source.heard++ === 0) this.#heard.push(source);
    this.#messages++;
  }

  /**
   * Ends one look and begins the next.
   * @param counts whether a source can be tightened at all
   * @returns those that sent more than their share
   */
  take(counts: (source: Source) => boolean): readonly Source[] {
    const least = Math.max(LEAST_MESSAGES, this.#messages * HEAVY_SHARE);
    const heavy = this.#heard.filter((source) => source.heard >= least && counts(source));
    for (const source of this.#heard) source.heard = 0;
    this.#heard = [];
    this.#messages = 0;
    return heavy;
  }

  /** Holds a source to a rate of its own, in messages per second. */
  cap(source: Source, perSecond: number): void {
    if (this.#capped.size >= MOST_CAPPED) this.#end(this.#capped.values().next().value!);
    source.cap = perSecond;
    source.tokens = Math.min(source.tokens, 2 * perSecond);
    this.#capped.add(source);
  }

  /** Raises the rates by a factor, and ends those that have reached the rate of all. */
  loosen(factor: number, most: number): void {
    for (const source of this.#capped) {
      source.cap *= factor;
      if (source.cap >= most) this.#end(source);
    }
  }

  #end(source: Source): void {
    source.cap = Number.POSITIVE_INFINITY;
    this.#capped.delete(source);
  }
}
