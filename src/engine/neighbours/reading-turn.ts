import { readerOf, type View } from "./view.ts";

/** What is on its way between processes when who has what changes arrives in this time; datagrams wait in the kernel. */
const SETTLE_MS = 20;
/** How long whoever is to read waits for the one before it, which may hang. */
const PATIENCE_MS = 1000;

export interface ReadingTurnHost {
  /** Whether our UDP sockets are read. */
  read(on: boolean): void;
  /** Lets another process read from now on; all that we have passed on arrives before it. */
  give(to: number): void;
}

/**
 * Of the processes that have the UDP sockets one reads, as the view says, and hands each datagram to whoever has its
 * dialog, so that all of one dialog go one way and keep their order. When another one is to read, it waits until the
 * one before it has stopped.
 */
export class ReadingTurn {
  readonly #self: number;
  readonly #host: ReadingTurnHost;
  #view: View | undefined;
  /** Nobody else reads. */
  #ours = false;
  /** Who has to stop before we read. */
  #awaited: number | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(self: number, host: ReadingTurnHost) {
    this.#self = self;
    this.#host = host;
  }

  follow(view: View): void {
    const before = this.#awaited ?? (this.#view === undefined ? readerBefore(view) : readerOf(this.#view));
    const isSame = this.#view !== undefined && sameEpochs(this.#view, view);
    this.#view = view;
    const reader = readerOf(view);
    if (reader !== this.#self) this.#stop(reader);
    else if (this.#ours) {
      if (!isSame) this.#begin(SETTLE_MS);
    } else if (before === undefined || before === this.#self || !(before in view.links)) this.#begin(0);
    else if (before !== this.#awaited) {
      this.#begin(PATIENCE_MS);
      this.#awaited = before;
    }
  }

  /** The one before us has stopped. */
  given(): void {
    const reader = this.#view && readerOf(this.#view);
    if (reader === this.#self) this.#begin(SETTLE_MS);
    else if (reader !== undefined) this.#host.give(reader);
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  #stop(reader: number | undefined): void {
    clearTimeout(this.#timer);
    this.#awaited = undefined;
    const had = this.#ours;
    this.#ours = false;
    this.#host.read(false);
    if (had && reader !== undefined) this.#host.give(reader);
  }

  #begin(ms: number): void {
    clearTimeout(this.#timer);
    this.#awaited = undefined;
    const begin = (): void => {
      this.#awaited = undefined;
      this.#ours = true;
      this.#host.read(true);
    };
    if (ms === 0) begin();
    else {
      this.#host.read(false);
      this.#timer = setTimeout(begin, ms);
    }
  }
}

/** Who read before the last epoch, as far as it lives. */
function readerBefore({ epochs, links }: View): number | undefined {
  return readerOf({ epochs: epochs.slice(0, -1), links });
}

function sameEpochs(a: View, b: View): boolean {
  return a.epochs.length === b.epochs.length && a.epochs.every((slots, i) => String(slots) === String(b.epochs[i]));
}
