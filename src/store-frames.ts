import { deserialize, serialize } from "node:v8";

/** Messages on the Unix socket between a process that serves and the store of its host: a length, and structured data. */

const LENGTH = 4;

export function encodeStoreMessage(message: unknown): Buffer {
  const bytes = serialize(message);
  const frame = Buffer.allocUnsafe(LENGTH + bytes.length);
  frame.writeUInt32LE(bytes.length, 0);
  bytes.copy(frame, LENGTH);
  return frame;
}

/** Cuts messages out of what arrives. Both ends are ours, so what arrives is well-formed. */
export class StoreMessageReader {
  readonly #take: (message: unknown) => void;
  #chunks: Buffer[] = [];
  #size = 0;

  constructor(take: (message: unknown) => void) {
    this.#take = take;
  }

  push(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    // A long message comes in many chunks; they are put together once it is whole.
    if (this.#size < LENGTH || this.#size < LENGTH + this.#firstLength()) return;
    const all = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks);
    let at = 0;
    while (all.length - at >= LENGTH) {
      const end = at + LENGTH + all.readUInt32LE(at);
      if (end > all.length) break;
      this.#take(deserialize(all.subarray(at + LENGTH, end)));
      at = end;
    }
    this.#chunks = at === all.length ? [] : [all.subarray(at)];
    this.#size = all.length - at;
  }

  #firstLength(): number {
    const first = this.#chunks[0]!;
    if (first.length < LENGTH) this.#chunks = [Buffer.concat(this.#chunks)];
    return this.#chunks[0]!.readUInt32LE(0);
  }
}
