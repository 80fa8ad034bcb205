import type { TransportHandler } from "./part.ts";

/** A connection, as the turn sees it. */
export interface Turning {
  /** Works on what has arrived since the last time. @param now in ms of `performance.now` */
  takeArrived(now: number): void;
  /** Writes what was held back. */
  flush(): void;
}

/**
 * What comes and goes on connections within one turn of the event loop. What has come on any of them is worked on in one
 * go when all of it has been read, and then all that is to be sent is written: each of the three keeps more of its own
 * code and data in the processor's caches than by turns with the others. So messages sent one after the other (an ACK
 * and the INFO behind it) leave in one segment and one system call.
 */
export class Turn {
  readonly #handler: TransportHandler;
  readonly #flushDatagrams: () => void;
  #arrived: Turning[] = [];
  #holding: Turning[] = [];
  #ends = false;

  /** @param flushDatagrams lets go the datagrams that were sent meanwhile, which would wait for the next turn */
  constructor(handler: TransportHandler, flushDatagrams: () => void) {
    this.#handler = handler;
    this.#flushDatagrams = flushDatagrams;
  }

  /** Bytes have come on the connection; its `takeArrived` is called when the turn ends. */
  arrived(connection: Turning): void {
    this.#arrived.push(connection);
    this.#awaitEnd();
  }

  /** The connection holds something back; its `flush` is called when the turn ends. */
  holding(connection: Turning): void {
    this.#holding.push(connection);
    this.#awaitEnd();
  }

  #awaitEnd(): void {
    if (this.#ends) return;
    this.#ends = true;
    setImmediate(this.#end);
  }

  readonly #end = (): void => {
    const arrived = this.#arrived;
    if (arrived.length > 0) {
      this.#arrived = [];
      this.#handler.burst?.(true);
      const now = performance.now();
      for (const connection of arrived) connection.takeArrived(now);
      this.#handler.burst?.(false);
      this.#flushDatagrams();
    }
    const holding = this.#holding;
    this.#holding = [];
    this.#ends = false;
    for (const connection of holding) connection.flush();
  };
}
