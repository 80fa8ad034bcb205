/** What a timer belongs to; `kind` tells the owner which of its timers fired. */
export interface TimerOwner<Kind extends string = string> {
  timerFired(kind: Kind): void;
}

/** One running timer. Only Timers reads or writes it. */
export class Timer {
  readonly owner: TimerOwner<string>;
  readonly kind: string;
  readonly due: number;
  queue: Queue | undefined;
  previous: Timer | undefined;
  next: Timer | undefined;

  constructor(owner: TimerOwner<string>, kind: string, due: number, queue: Queue) {
    this.owner = owner;
    this.kind = kind;
    this.due = due;
    this.queue = queue;
  }
}

interface Queue {
  first: Timer | undefined;
  last: Timer | undefined;
}

/**
 * Every timer of the core. SIP uses a handful of durations (T1, 2·T1, … 64·T1, T4, Timer C), and timers of equal
 * duration come due in the order in which they were started: so each duration has a queue, and starting, cancelling
 * and firing a timer are O(1) whatever their number. Times are milliseconds on the caller's clock.
 */
export class Timers {
  /** The clock reading that `start` counts from; the core sets it at each of its entries. */
  now = 0;
  /** Timers that run. */
  size = 0;
  private readonly byDuration = new Map<number, Queue>();
  /** The same queues, to be gone through for the earliest. */
  private readonly queues: Queue[] = [];
  /** No timer is due before; the one that was may have been cancelled since. */
  private soonest = Number.POSITIVE_INFINITY;

  /** Starts a timer that fires `after` ms from now. */
  start<Kind extends string>(after: number, owner: TimerOwner<Kind>, kind: Kind): Timer {
    let queue = this.byDuration.get(after);
    if (queue === undefined) {
      queue = { first: undefined, last: undefined };
      this.byDuration.set(after, queue);
      this.queues.push(queue);
    }
    const due = this.now + after;
    if (due < this.soonest) this.soonest = due;
    const timer = new Timer(owner as TimerOwner<string>, kind, due, queue);
    timer.previous = queue.last;
    if (queue.last === undefined) queue.first = timer;
    else queue.last.next = timer;
    queue.last = timer;
    this.size++;
    return timer;
  }

  /** Stops a timer; one that has fired or was never started is left alone. */
  cancel(timer: Timer | undefined): void {
    const queue = timer?.queue;
    if (timer === undefined || queue === undefined) return;
    if (timer.previous === undefined) queue.first = timer.next;
    else timer.previous.next = timer.next;
    if (timer.next === undefined) queue.last = timer.previous;
    else timer.next.previous = timer.previous;
    timer.queue = timer.previous = timer.next = undefined;
    this.size--;
  }

  /** When to call `fireDue` next: when the next timer is due or a little earlier; Infinity when none runs. */
  get nextDue(): number {
    return this.size === 0 ? Number.POSITIVE_INFINITY : this.soonest;
  }

  /** Fires, in the order of their due times, all timers due at or before `now`. */
  fireDue(): void {
    const until = this.now;
    if (until < this.soonest) return;
    for (let timer = this.earliest(); timer !== undefined && timer.due <= until; timer = this.earliest()) {
      this.cancel(timer);
      timer.owner.timerFired(timer.kind);
    }
    this.soonest = this.earliest()?.due ?? Number.POSITIVE_INFINITY;
  }

  private earliest(): Timer | undefined {
    let earliest: Timer | undefined;
    for (let i = 0; i < this.queues.length; i++) {
      const { first } = this.queues[i]!;
      if (first !== undefined && (earliest === undefined || first.due < earliest.due)) earliest = first;
    }
    return earliest;
  }
}
