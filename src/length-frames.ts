/** Bytes of the length in front of a frame, which is an unsigned 32-bit number, little-endian, and counts what follows. */
export const LENGTH = 4;

/**
 * Cuts frames, each behind its length, out of what arrives between processes of ours. Both ends are ours, so what arrives
 * is well-formed.
 */
export class LengthFrames {
  readonly #take: (frame: Buffer) => void;
  #chunks: Buffer[] = [];
  #size = 0;

  /** @param take gets each frame without its length, in a larger buffer: a copy is what to keep */
  constructor(take: (frame: Buffer) => void) {
    this.#take = take;
  }

  push(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    // A long frame comes in many chunks; they are put together once it is whole.
    if (this.#size < LENGTH || this.#size < LENGTH + this.#firstLength()) return;
    const all = this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks);
    let at = 0;
    while (all.length - at >= LENGTH) {
      const end = at + LENGTH + all.readUInt32LE(at);
      if (end > all.length) break;
      this.#take(all.subarray(at + LENGTH, end));
      at = end;
    }
    this.#chunks = at === all.length ? [] : [all.subarray(at)];
    this.#size = all.length - at;
  }

  #firstLength(): number {
    if (this.#chunks[0]!.length < LENGTH) this.#chunks = [Buffer.concat(this.#chunks)];
    return this.#chunks[0]!.readUInt32LE(0);
  }
}
