/**
 * A steady clock in ms. While a burst of messages is worked on it stands still: they have come at once, and to read the
 * time for each step with each of them would cost as much as parsing some.
 */
export class BurstClock {
  #held = 0;

  /** A function of its own, to be handed around. */
  readonly now = (): number => (this.#held === 0 ? performance.now() : this.#held);

  /** Stands still from here on, also when it did already. */
  hold(): void {
    this.#held = performance.now();
  }

  /** Goes on. */
  release(): void {
    this.#held = 0;
  }

  get isHeld(): boolean {
    return this.#held !== 0;
  }
}
