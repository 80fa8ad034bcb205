/** A turn that brought more pieces is large enough. */
const FEW = 8;
/** With fewer pieces in a ms a wait would bring none, and there is time for each by itself. */
const BUSY = 10;
/** ms over which pieces are counted. */
const WINDOW_MS = 2;
/** ms, to which the kernel adds some 0.06 (its timer slack, and the waking). */
const WAIT_MS = 0.08;

/** Where the calling thread sleeps; nobody ever wakes it. */
const BED = new Int32Array(new SharedArrayBuffer(4));

/**
 * Puts off the next turn of the event loop for some 0.14 ms where messages come one by one but close behind each other, as
 * network cards do with interrupts (interrupt moderation). A message that is worked on by itself costs about twice as much
 * as one of several, since each waking fills the processor's caches anew. So a gateway that is half busy would need nearly
 * all of its core, and whoever then calls would wait for longer than this.
 *
 * Linux only: elsewhere so short a sleep may take 15 ms.
 */
export class Moderation {
  readonly #clock: () => number;
  readonly #sleep: (ms: number) => void;
  /** How long turns were put off in all, in ms: the event loop takes it for work. */
  slept = 0;
  #windowStart = 0;
  #count = 0;
  /** Pieces in a ms, of late. */
  #rate = 0;

  /** Undefined on systems where it would do harm. */
  static ofThisSystem(): Moderation | undefined {
    return process.platform === "linux" ? new Moderation() : undefined;
  }

  /** @param clock in ms @param sleep stops the thread for so many ms */
  constructor(clock: () => number = () => performance.now(), sleep: (ms: number) => void = stopThread) {
    this.#clock = clock;
    this.#sleep = sleep;
  }

  /**
   * A turn has ended in which so much came: all of it is worked on, and what that gave to send is sent.
   * @returns whether the next one was put off, so that by now there may be more
   */
  turnEnded(pieces: number): boolean {
    this.#count += pieces;
    const now = this.#clock();
    const past = now - this.#windowStart;
    if (past >= WINDOW_MS) {
      this.#rate = this.#count / past;
      this.#windowStart = now;
      this.#count = 0;
    }
    if (pieces > FEW || this.#rate < BUSY) return false;
    this.#sleep(WAIT_MS);
    this.slept += this.#clock() - now;
    return true;
  }
}

function stopThread(ms: number): void {
  Atomics.wait(BED, 0, 0, ms);
}
