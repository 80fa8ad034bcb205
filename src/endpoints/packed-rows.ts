import { keyOf } from "./address-key.ts";
import type { Endpoint } from "./model.ts";
import { rowOfText, rowText } from "./row-text.ts";

const BLOCK_BYTES = 256 * 1024;
/** In front of a row's text: the hash of its key, and the length of the text. */
const HEADER_BYTES = 8;
const SHARDS = 1024;
const FREE = 0;

interface Block {
  readonly bytes: Buffer;
  /** Where the next row goes. */
  end: number;
  /** Bytes that belong to rows of the table; the rest are of rows that were replaced or removed. */
  live: number;
}

/**
 * Rows by key, outside the heap of JavaScript. A million rows as objects would be some ten million things that the
 * garbage collector has to look at, and while it does, no call is taken; here they are a few hundred buffers.
 *
 * A row is its short text (row-text.ts) in a block; an index of plain numbers, spread over shards that grow one at a
 * time, leads from the hash of its key to its place there. A block that is mostly garbage is emptied, one for each
 * change, so that no single change costs much.
 */
export class PackedRows {
  readonly #shards = Array.from({ length: SHARDS }, () => new Shard());
  readonly #blocks: (Block | undefined)[] = [];
  /** Numbers of blocks that were emptied. */
  readonly #spare: number[] = [];
  #current = -1;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** How many blocks are in use. */
  get blocks(): number {
    return this.#blocks.length - this.#spare.length;
  }

  get(key: string): Endpoint | undefined {
    const hash = hashOf(key);
    const shard = this.#shards[hash % SHARDS]!;
    for (let slot = shard.first(hash); slot >= 0; slot = shard.next(slot, hash)) {
      const row = this.#rowAt(shard.placeAt(slot));
      if (keyOf(row) === key) {
        return row;
      }
    }
    return undefined;
  }

  /** Puts a row in its place. Gives the row that was there. */
  set(key: string, row: Endpoint): Endpoint | undefined {
    const before = this.delete(key);
    const hash = hashOf(key);
    this.#shards[hash % SHARDS]!.add(hash, this.#append(hash, Buffer.from(rowText(row))));
    this.#size++;
    this.#tidy();
    return before;
  }

  /** Takes a row out. Gives the row that was there. */
  delete(key: string): Endpoint | undefined {
    const hash = hashOf(key);
    const shard = this.#shards[hash % SHARDS]!;
    for (let slot = shard.first(hash); slot >= 0; slot = shard.next(slot, hash)) {
      const place = shard.placeAt(slot);
      const row = this.#rowAt(place);
      if (keyOf(row) === key) {
        shard.removeAt(slot);
        const block = this.#blocks[blockOf(place)]!;
        block.live -= sizeAt(block.bytes, offsetOf(place));
        this.#size--;
        return row;
      }
    }
    return undefined;
  }

  /** Every row, in no particular order. What changes while they are gone through may be seen or not. */
  *all(): IterableIterator<Endpoint> {
    for (const shard of this.#shards) {
      // A place may be taken for another row before the next one is asked for, so all of a shard are read at once.
      yield* [...shard.places()].map((place) => this.#rowAt(place));
    }
  }

  #rowAt(place: number): Endpoint {
    const { bytes } = this.#blocks[blockOf(place)]!;
    const offset = offsetOf(place);
    const start = offset + HEADER_BYTES;
    return rowOfText(bytes.toString("utf8", start, start + bytes.readUInt32LE(offset + 4)));
  }

  /** Gives the place: block and offset in one number, never 0. */
  #append(hash: number, text: Buffer): number {
    const size = aligned(HEADER_BYTES + text.length);
    let block = this.#blocks[this.#current];
    if (block === undefined || block.end + size > BLOCK_BYTES) {
      block = this.#newBlock(size);
    }
    const offset = block.end;
    block.bytes.writeUInt32LE(hash, offset);
    block.bytes.writeUInt32LE(text.length, offset + 4);
    text.copy(block.bytes, offset + HEADER_BYTES);
    block.end += size;
    block.live += size;
    return this.#current * PLACES_PER_BLOCK + offset / ALIGNMENT;
  }

  /** @param size of its first row, which may be larger than a whole block */
  #newBlock(size: number): Block {
    const bytes = Buffer.allocUnsafeSlow(Math.max(BLOCK_BYTES, ALIGNMENT + size));
    // Offset 0 of a block is never used, so that no place is FREE.
    const block: Block = { bytes, end: ALIGNMENT, live: 0 };
    this.#current = this.#spare.pop() ?? this.#blocks.length;
    this.#blocks[this.#current] = block;
    return block;
  }

  /** The block that the next call of {@link #tidy} looks at. */
  #next = 0;

  /** Empties a block that is mostly garbage: its rows move to the end of the last one. */
  #tidy(): void {
    this.#next = (this.#next + 1) % this.#blocks.length;
    const block = this.#blocks[this.#next];
    if (block === undefined || this.#next === this.#current || block.live > block.end / 2) {
      return;
    }
    const number = this.#next;
    for (let offset = ALIGNMENT; offset < block.end; offset += sizeAt(block.bytes, offset)) {
      const hash = block.bytes.readUInt32LE(offset);
      const shard = this.#shards[hash % SHARDS]!;
      const slot = shard.slotOf(hash, number * PLACES_PER_BLOCK + offset / ALIGNMENT);
      if (slot >= 0) {
        const start = offset + HEADER_BYTES;
        const text = block.bytes.subarray(start, start + block.bytes.readUInt32LE(offset + 4));
        shard.move(slot, this.#append(hash, text));
      }
    }
    this.#blocks[number] = undefined;
    this.#spare.push(number);
  }
}

/** A part of the index: an open hash table with linear probing, in two arrays of numbers. */
class Shard {
  #hashes = new Uint32Array(16);
  #places = new Uint32Array(16);
  #count = 0;

  placeAt(slot: number): number {
    return this.#places[slot]!;
  }

  /** The first slot that may have this hash; -1 when there is none. */
  first(hash: number): number {
    return this.#search(this.#home(hash), hash);
  }

  next(slot: number, hash: number): number {
    return this.#search((slot + 1) & this.#mask, hash);
  }

  slotOf(hash: number, place: number): number {
    let slot = this.first(hash);
    while (slot >= 0 && this.#places[slot] !== place) {
      slot = this.next(slot, hash);
    }
    return slot;
  }

  move(slot: number, place: number): void {
    this.#places[slot] = place;
  }

  add(hash: number, place: number): void {
    if (++this.#count > this.#places.length * 0.7) {
      this.#grow();
    }
    this.#put(hash, place);
  }

  /** Rows behind the one that goes move up, so that no search ends too early. */
  removeAt(slot: number): void {
    this.#count--;
    let hole = slot;
    for (let at = (slot + 1) & this.#mask; this.#places[at] !== FREE; at = (at + 1) & this.#mask) {
      const home = this.#home(this.#hashes[at]!);
      if (((at - home) & this.#mask) >= ((at - hole) & this.#mask)) {
        this.#hashes[hole] = this.#hashes[at]!;
        this.#places[hole] = this.#places[at]!;
        hole = at;
      }
    }
    this.#places[hole] = FREE;
  }

  /** All places. */
  places(): Uint32Array {
    return this.#places.filter((place) => place !== FREE);
  }

  get #mask(): number {
    return this.#places.length - 1;
  }

  #home(hash: number): number {
    return (hash >>> 10) & this.#mask;
  }

  #search(from: number, hash: number): number {
    for (let slot = from; this.#places[slot] !== FREE; slot = (slot + 1) & this.#mask) {
      if (this.#hashes[slot] === hash) {
        return slot;
      }
    }
    return -1;
  }

  #put(hash: number, place: number): void {
    let slot = this.#home(hash);
    while (this.#places[slot] !== FREE) {
      slot = (slot + 1) & this.#mask;
    }
    this.#hashes[slot] = hash;
    this.#places[slot] = place;
  }

  #grow(): void {
    const hashes = this.#hashes;
    const places = this.#places;
    this.#hashes = new Uint32Array(2 * hashes.length);
    this.#places = new Uint32Array(2 * places.length);
    places.forEach((place, slot) => {
      if (place !== FREE) {
        this.#put(hashes[slot]!, place);
      }
    });
  }
}

/** A place is the number of a block and an offset in it, in units of the alignment: together 32 bits, 16 GiB of rows. */
const ALIGNMENT = 4;
const PLACES_PER_BLOCK = BLOCK_BYTES / ALIGNMENT;

function blockOf(place: number): number {
  return Math.floor(place / PLACES_PER_BLOCK);
}

function offsetOf(place: number): number {
  return (place % PLACES_PER_BLOCK) * ALIGNMENT;
}

function sizeAt(bytes: Buffer, offset: number): number {
  return aligned(HEADER_BYTES + bytes.readUInt32LE(offset + 4));
}

function aligned(size: number): number {
  return Math.ceil(size / ALIGNMENT) * ALIGNMENT;
}

/** 32 bits over all characters of a key, well mixed. */
function hashOf(key: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < key.length; i++) {
    hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return (hash ^ (hash >>> 13)) >>> 0;
}
