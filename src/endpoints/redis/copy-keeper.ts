import type { LastGoodCopy } from "./last-good-copy.ts";
import type { Mirror } from "./mirror.ts";

/** How long several changes in a row are gathered into one writing of the copy. */
const GATHER_MS = 200;
/** Writing a large copy takes a while; it is given at most this share of the time. */
const REST_FACTOR = 10;
/** How often an unchanged copy is marked as still current. */
const TOUCH_MS = 15_000;

/** Keeps the copy on disk close to the mirror, without writing it anew for each of many changes. */
export class CopyKeeper {
  readonly #copy: LastGoodCopy;
  readonly #mirror: Mirror;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> = Promise.resolve();
  #isBehind = false;
  #notBefore = 0;
  #touchedAt = 0;

  constructor(copy: LastGoodCopy, mirror: Mirror) {
    this.#copy = copy;
    this.#mirror = mirror;
  }

  /** The mirror has changed. */
  changed(): void {
    this.#isBehind = true;
    const rest = Math.max(GATHER_MS, this.#notBefore - performance.now());
    this.#timer ??= setTimeout(() => this.#write(), rest).unref();
  }

  /** The mirror is known to be the table of Redis now. */
  current(): void {
    const now = Date.now();
    if (!this.#isBehind && now - this.#touchedAt > TOUCH_MS) {
      this.#touchedAt = now;
      void this.#copy.touch(new Date(now));
    }
  }

  /** Writes what has not been written yet. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#writing;
    if (this.#isBehind) {
      this.#write();
      await this.#writing;
    }
  }

  #write(): void {
    this.#timer = undefined;
    this.#isBehind = false;
    const start = performance.now();
    const { mark, size } = this.#mirror;
    // The rows are fixed now: writing takes a while, and the mirror goes on meanwhile.
    this.#writing = this.#copy.write(mark, [...this.#mirror.rows()], size).then(
      () => {
        const end = performance.now();
        this.#notBefore = end + REST_FACTOR * (end - start);
        this.#touchedAt = Date.now();
      },
      () => {
        // A full disk, say: the copy is the older one, and the next change tries again.
        this.#isBehind = true;
      },
    );
  }
}
