import type { Moderation } from "./moderation.ts";
import type { TransportHandler } from "./part.ts";

/** A connection, or a socket of datagrams, as the turn sees it. */
export interface Turning {
  /**
   * Works on what has arrived since the last time.
   * @param now in ms of `performance.now`
   * @returns in how many pieces it came: datagrams, or 1 for what a connection brought
   */
  takeArrived(now: number): number;
  /** Writes what was held back. */
  flush(): void;
  /** Whether `takeArrived` finds by itself what has come, without having been told that something has. */
  readonly looksItself: boolean;
}

/** How often a turn is prolonged, so that the rest of the event loop has to wait for half a millisecond at most. */
const MOST_PROLONGED = 3;

/**
 * What comes and goes within one turn of the event loop. What has come on any connection or socket is worked on in one
 * go when all of it has been read, and then all that is to be sent is written: each of the three keeps more of its own
 * code and data in the processor's caches than by turns with the others. So messages sent one after the other (an ACK
 * and the INFO behind it) leave in one segment and one system call.
 */
export class Turn {
  readonly #handler: TransportHandler;
  readonly #flushDatagrams: () => void;
  readonly #moderation: Moderation | undefined;
  #arrived: Turning[] = [];
  #holding: Turning[] = [];
  #started = false;
  #ends = false;

  /**
   * @param flushDatagrams lets go the datagrams that were sent meanwhile, ahead of what connections hold back
   * @param moderation undefined where no turn shall ever be put off
   */
  constructor(handler: TransportHandler, flushDatagrams: () => void, moderation?: Moderation) {
    this.#handler = handler;
    this.#flushDatagrams = flushDatagrams;
    this.#moderation = moderation;
  }

  /** From now on the handler is told of bursts. */
  start(): void {
    this.#started = true;
  }

  /** Something has come for it to take; its `takeArrived` is called when the turn ends. */
  arrived(from: Turning): void {
    this.#arrived.push(from);
    this.#awaitEnd();
  }

  /** It holds something back; its `flush` is called when the turn ends. */
  holding(from: Turning): void {
    this.#holding.push(from);
    this.#awaitEnd();
  }

  #awaitEnd(): void {
    if (this.#ends) return;
    this.#ends = true;
    setImmediate(this.#end);
  }

  readonly #end = (): void => {
    const arrived = this.#arrived;
    this.#arrived = [];
    for (let prolonged = 0; ; prolonged++) {
      const pieces = arrived.length > 0 ? this.#takeIn(arrived) : 0;
      const holding = this.#holding;
      this.#holding = [];
      for (const from of holding) from.flush();
      if (pieces === 0 || !this.#moderation?.turnEnded(pieces)) break;
      // Where only datagrams come, a look at the sockets costs less than a way through the event loop.
      if (prolonged === MOST_PROLONGED || !arrived.every(looksItself)) break;
    }
    this.#ends = false;
    if (this.#arrived.length + this.#holding.length > 0) this.#awaitEnd();
  };

  #takeIn(arrived: readonly Turning[]): number {
    let pieces = 0;
    if (this.#started) this.#handler.burst?.(true);
    const now = performance.now();
    for (const from of arrived) pieces += from.takeArrived(now);
    if (this.#started) this.#handler.burst?.(false);
    this.#flushDatagrams();
    return pieces;
  }
}

function looksItself(from: Turning): boolean {
  return from.looksItself;
}
