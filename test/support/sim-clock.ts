/** Something that happens at a time of the virtual clock. */
export interface SimTimer {
  readonly at: number;
  readonly order: number;
  action: (() => void) | undefined;
}

/** The virtual clock: events in the order of their times, those of one time in the order in which they were set. */
export class SimClock {
  /** Milliseconds since the run began. */
  now = 0;
  #order = 0;
  readonly #heap: SimTimer[] = [];

  after(ms: number, action: () => void): SimTimer {
    const timer: SimTimer = { at: this.now + ms, order: this.#order++, action };
    const heap = this.#heap;
    let i = heap.length;
    heap.push(timer);
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!before(timer, heap[parent]!)) break;
      heap[i] = heap[parent]!;
      i = parent;
    }
    heap[i] = timer;
    return timer;
  }

  cancel(timer: SimTimer | undefined): void {
    if (timer !== undefined) timer.action = undefined;
  }

  /** When the next event is due; Infinity when there is none. */
  get nextDue(): number {
    while (this.#heap.length > 0 && this.#heap[0]!.action === undefined) this.#pop();
    return this.#heap[0]?.at ?? Number.POSITIVE_INFINITY;
  }

  /** Moves the clock to the next event and lets it happen. */
  step(): void {
    if (this.nextDue === Number.POSITIVE_INFINITY) return;
    const timer = this.#pop();
    this.now = timer.at;
    timer.action!();
  }

  #pop(): SimTimer {
    const heap = this.#heap;
    const first = heap[0]!;
    const last = heap.pop()!;
    if (heap.length === 0) return first;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++;
      if (!before(heap[child]!, last)) break;
      heap[i] = heap[child]!;
      i = child;
    }
    heap[i] = last;
    return first;
  }
}

function before(a: SimTimer, b: SimTimer): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
