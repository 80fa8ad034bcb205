import { fileError } from "../file-error.ts";
import type { LastGoodCopy } from "./last-good-copy.ts";
import type { Mirror } from "./mirror.ts";

/** How long several changes in a row are gathered into one writing of the copy. */
const GATHER_MS = 200;
/** Writing a large copy takes a while; it is given at most this share of the time. */
const REST_FACTOR = 10;
/** How often an unchanged copy is marked as still current. */
const TOUCH_MS = 15_000;
/** How soon a copy that could not be written is tried again. */
const RETRY_MS = 5000;

/** Keeps the copy on disk close to the mirror, without writing it anew for each of many changes. */
export class CopyKeeper {
  readonly #copy: LastGoodCopy;
  readonly #mirror: Mirror;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> | undefined;
  #isBehind = false;
  #isClosed = false;
  #fault: string | undefined;
  #notBefore = 0;
  #touchedAt = 0;

  constructor(copy: LastGoodCopy, mirror: Mirror) {
    this.#copy = copy;
    this.#mirror = mirror;
  }

  /** Why the last writing failed, until one succeeds: a sentence. */
  get fault(): string | undefined {
    return this.#fault;
  }

  /** The mirror has changed. */
  changed(): void {
    this.#isBehind = true;
    this.#writeSoon(GATHER_MS);
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
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await this.#writing;
    if (this.#isBehind) await this.#write();
  }

  #writeSoon(ms: number): void {
    // One at a time: a large copy is still on its way when the next change comes.
    if (this.#writing !== undefined || this.#isClosed) return;
    const rest = Math.max(ms, this.#notBefore - performance.now());
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#writing = this.#write().finally(() => {
        this.#writing = undefined;
        if (this.#isBehind) this.#writeSoon(this.#fault === undefined ? GATHER_MS : RETRY_MS);
      });
    }, rest).unref();
  }

  async #write(): Promise<void> {
    this.#isBehind = false;
    const start = performance.now();
    const { mark, size } = this.#mirror;
    try {
      // The rows are fixed now: writing takes a while, and the mirror goes on meanwhile.
      await this.#copy.write(mark, [...this.#mirror.rows()], size);
      const end = performance.now();
      this.#notBefore = end + REST_FACTOR * (end - start);
      this.#touchedAt = Date.now();
      this.#fault = undefined;
    } catch (error) {
      // A full disk, say: the copy on disk is the older one.
      this.#isBehind = true;
      this.#fault = fileError("write", this.#copy.path, error).message;
    }
  }
}
