import type { Logger } from "pino";

/** Lines of one kind that may be written in one window; whoever can cause more of them must not fill the disk. */
const LINES = 20;
const WINDOW_MS = 10_000;

interface Window {
  readonly since: number;
  written: number;
}

/** The log of what is odd on the wire, at most 20 lines of a kind in 10 s; the next line tells how many were left out. */
export class AnomalyLog {
  readonly #log: Logger;
  readonly #clock: () => number;
  readonly #windows = new Map<string, Window>();

  /** @param clock monotonic, in ms */
  constructor(log: Logger, clock: () => number = () => performance.now()) {
    this.#log = log;
    this.#clock = clock;
  }

  /** @param kind one of a fixed set */
  tell(kind: string, detail: string): void {
    const now = this.#clock();
    const last = this.#windows.get(kind);
    let window = last;
    if (window === undefined || now - window.since >= WINDOW_MS) {
      window = { since: now, written: 0 };
      this.#windows.set(kind, window);
    }
    if (++window.written > LINES) return;
    const leftOut = last === undefined || last === window ? 0 : Math.max(0, last.written - LINES);
    this.#log.warn({ kind, detail, ...(leftOut > 0 ? { leftOut } : {}) }, "something odd on the wire");
  }
}
