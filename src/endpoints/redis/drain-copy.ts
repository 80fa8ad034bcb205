import { isDeepStrictEqual } from "node:util";
import type { Drain } from "../../drained-address.ts";
import { DrainFile } from "../drain-file.ts";
import { fileError } from "../file-error.ts";

/**
 * What a gateway knows of the drained addresses while Redis is away, after a restart too: what Redis said last, and a
 * copy of it on disk.
 */
export class DrainCopy {
  readonly #path: string;
  readonly #file: DrainFile;
  #known: readonly Drain[] | undefined;
  /** What of it is on disk. */
  #kept: readonly Drain[] | undefined;
  #fault: string | undefined;

  constructor(path: string) {
    this.#path = path;
    this.#file = new DrainFile(path);
  }

  /** Why the copy could not be written, until it can: a sentence. */
  get fault(): string | undefined {
    return this.#fault;
  }

  /** Takes over what Redis says. A copy that cannot be written is tried again the next time. */
  async keep(drains: readonly Drain[]): Promise<void> {
    this.#known = drains;
    if (isDeepStrictEqual(drains, this.#kept)) {
      return;
    }
    try {
      await this.#file.write(drains);
      this.#kept = drains;
      this.#fault = undefined;
    } catch (error) {
      this.#fault = fileError("write", this.#path, error).message;
    }
  }

  /** What was known last; undefined where nothing is, which is not the same as no drained address. */
  async recall(): Promise<readonly Drain[] | undefined> {
    return this.#known ?? (await this.#file.read().catch(() => undefined));
  }
}
