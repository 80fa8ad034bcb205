import { HashIndex, textHash } from "../hash-index.ts";
import { latin1Text } from "../latin1.ts";
import { keyOf } from "./address-key.ts";
import type { Endpoint } from "./model.ts";
import { rowOfText, rowText } from "./row-text.ts";
import { OWN, type Treatment, type TreatmentSettings, Treatments } from "./treatments.ts";

const SHARDS = 256;

/**
 * In front of a row's text, in units of four bytes: the hash of its key, the length of the text, and in one the number
 * of its treatment and, above it, the length of its address.
 */
const HEADER_WORDS = 3;
const HEADER_BYTES = 4 * HEADER_WORDS;
/** Where a row's address begins in its text: behind bracket and quotation mark. */
const ADDRESS_AT = 2;

interface Block {
  readonly bytes: Buffer;
  /** The same, four bytes at a time. */
  readonly words: Uint32Array;
  /** Where the next row goes. */
  end: number;
  /** Bytes that belong to rows of the table; the rest are of rows that were replaced or removed. */
  live: number;
}

/** As much of a row as a call needs. */
export interface FoundRow {
  readonly sipAddress: string;
  readonly treatment: Treatment;
}

/**
 * Rows by key, outside the heap of JavaScript. A million rows as objects would be some ten million things that the
 * garbage collector has to look at, and while it does, no call is taken; here they are a few hundred buffers.
 *
 * A row is its short text (row-text.ts) in a block; an index of plain numbers, spread over shards that grow one at a
 * time, leads from the hash of its key to its place there. A block that is mostly garbage is emptied, one for each
 * change, so that no single change costs much. A call does not read the text: what it needs of a row stands in front
 * of it as the number of a treatment (treatments.ts).
 */
export class PackedRows {
  readonly #shards = Array.from({ length: SHARDS }, () => new HashIndex());
  readonly #blocks: (Block | undefined)[] = [];
  /** Numbers of blocks that were emptied. */
  readonly #spare: number[] = [];
  readonly #treatments = new Treatments();
  #current = -1;
  #size = 0;
  /** Rows whose treatment is told by themselves alone. */
  #own = 0;

  get size(): number {
    return this.#size;
  }

  /** How many blocks are in use. */
  get blocks(): number {
    return this.#blocks.length - this.#spare.length;
  }

  /** The different settings of all rows; undefined where there are too many, or where only the rows themselves tell. */
  get settings(): readonly TreatmentSettings[] | undefined {
    return this.#own === 0 ? this.#treatments.settings() : undefined;
  }

  get(key: string): Endpoint | undefined {
    const place = this.#placeOf(key);
    return place === undefined ? undefined : this.#rowAt(place);
  }

  /** The same at the cost that a call may have. */
  find(key: string): FoundRow | undefined {
    const place = this.#placeOf(key);
    if (place === undefined) {
      return undefined;
    }
    const { words } = this.#blocks[blockOf(place)]!;
    const treatment = this.#treatments.at(words[wordOf(place) + 2]! & TREATMENT_BITS);
    if (treatment === undefined) {
      const row = this.#rowAt(place);
      return { sipAddress: row.sipAddress, treatment: { settings: row, plan: undefined } };
    }
    return { sipAddress: this.#addressAt(place), treatment };
  }

  /**
   * Puts a row in its place. Gives the row that was there.
   * @param text its short text, for who has it already
   */
  set(key: string, row: Endpoint, text: string = rowText(row)): Endpoint | undefined {
    const before = this.delete(key);
    const hash = textHash(key);
    const isPlain = row.sipAddress.length <= LONGEST_ADDRESS && text.startsWith(`"${row.sipAddress}"`, 1);
    const treatment = isPlain ? this.#treatments.take(row) : OWN;
    if (treatment === OWN) {
      this.#own++;
    }
    const length = Buffer.byteLength(text);
    const place = this.#reserve(HEADER_BYTES + length);
    const { bytes, words } = this.#blocks[blockOf(place)]!;
    const at = wordOf(place);
    words[at] = hash;
    words[at + 1] = length;
    words[at + 2] = isPlain ? (row.sipAddress.length << ADDRESS_SHIFT) | treatment : OWN;
    bytes.write(text, 4 * at + HEADER_BYTES);
    this.#shards[hash % SHARDS]!.add(hash, place);
    this.#size++;
    this.#tidy();
    return before;
  }

  /** Takes a row out. Gives the row that was there. */
  delete(key: string): Endpoint | undefined {
    const hash = textHash(key);
    const shard = this.#shards[hash % SHARDS]!;
    const slot = this.#slotOf(key, hash, shard);
    if (slot < 0) {
      return undefined;
    }
    const place = shard.placeAt(slot);
    const row = this.#rowAt(place);
    shard.removeAt(slot);
    const block = this.#blocks[blockOf(place)]!;
    const treatment = block.words[wordOf(place) + 2]! & TREATMENT_BITS;
    if (treatment === OWN) {
      this.#own--;
    }
    this.#treatments.release(treatment);
    block.live -= sizeAt(block, wordOf(place));
    this.#size--;
    return row;
  }

  /** Every row, in no particular order. What changes while they are gone through may be seen or not. */
  *all(): IterableIterator<Endpoint> {
    for (const shard of this.#shards) {
      // A place may be taken for another row before the next one is asked for, so all texts of a shard are read at once.
      for (const text of shard.places().map((place) => this.#textAt(place))) {
        yield rowOfText(text);
      }
    }
  }

  #placeOf(key: string): number | undefined {
    const hash = textHash(key);
    const shard = this.#shards[hash % SHARDS]!;
    const slot = this.#slotOf(key, hash, shard);
    return slot < 0 ? undefined : shard.placeAt(slot);
  }

  #slotOf(key: string, hash: number, shard: HashIndex): number {
    let slot = shard.first(hash);
    while (slot >= 0 && !this.#isOf(key, shard.placeAt(slot))) {
      slot = shard.next(slot, hash);
    }
    return slot;
  }

  /** Whether the row at a place, which has the hash of this key, has the key itself. */
  #isOf(key: string, place: number): boolean {
    const { bytes, words } = this.#blocks[blockOf(place)]!;
    const at = wordOf(place);
    const start = 4 * at + HEADER_BYTES + ADDRESS_AT;
    const end = start + (words[at + 2]! >>> ADDRESS_SHIFT);
    const keyStart = start + (bytes[start + 3] === COLON ? 4 : 5);
    // Most addresses are written as they are compared.
    return (end - keyStart === key.length && isAt(bytes, keyStart, key)) || keyOf(this.#rowAt(place)) === key;
  }

  /** Of a row that has a length of address in front. */
  #addressAt(place: number): string {
    const { bytes, words } = this.#blocks[blockOf(place)]!;
    const at = wordOf(place);
    const start = 4 * at + HEADER_BYTES + ADDRESS_AT;
    return latin1Text(bytes, start, start + (words[at + 2]! >>> ADDRESS_SHIFT));
  }

  #rowAt(place: number): Endpoint {
    return rowOfText(this.#textAt(place));
  }

  #textAt(place: number): string {
    const { bytes, words } = this.#blocks[blockOf(place)]!;
    const at = wordOf(place);
    const start = 4 * at + HEADER_BYTES;
    return bytes.toString("utf8", start, start + words[at + 1]!);
  }

  /** Room for a row, header included. Gives the place: block and word in one number, never 0. */
  #reserve(bytes: number): number {
    const size = aligned(bytes);
    let block = this.#blocks[this.#current];
    if (block === undefined || block.end + size > BLOCK_BYTES) {
      block = this.#newBlock(size);
    }
    const place = this.#current * PLACES_PER_BLOCK + block.end / ALIGNMENT;
    block.end += size;
    block.live += size;
    return place;
  }

  /** @param size of its first row, which may be larger than a whole block */
  #newBlock(size: number): Block {
    const bytes = Buffer.allocUnsafeSlow(Math.max(BLOCK_BYTES, ALIGNMENT + size));
    // Word 0 of a block is never used, so that no place is 0.
    const block: Block = { bytes, words: new Uint32Array(bytes.buffer), end: ALIGNMENT, live: 0 };
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
    for (let at = 1; at < block.end / ALIGNMENT; at += sizeAt(block, at) / ALIGNMENT) {
      const hash = block.words[at]!;
      const shard = this.#shards[hash % SHARDS]!;
      const slot = shard.slotOf(hash, number * PLACES_PER_BLOCK + at);
      if (slot >= 0) {
        const size = sizeAt(block, at);
        const place = this.#reserve(size);
        this.#blocks[blockOf(place)]!.words.set(block.words.subarray(at, at + size / ALIGNMENT), wordOf(place));
        shard.move(slot, place);
      }
    }
    this.#blocks[number] = undefined;
    this.#spare.push(number);
  }
}

/** A place is the number of a block and a word in it: together 32 bits, 16 GiB of rows. */
const ALIGNMENT = 4;
const PLACE_BITS = 18;
const PLACES_PER_BLOCK = 2 ** PLACE_BITS;
const BLOCK_BYTES = PLACES_PER_BLOCK * ALIGNMENT;

const ADDRESS_SHIFT = 16;
const TREATMENT_BITS = 0xffff;
/** A longer one, and one that JSON writes with a backslash, is read with the whole row. */
const LONGEST_ADDRESS = 0xffff;
const COLON = 0x3a;

function blockOf(place: number): number {
  return place >>> PLACE_BITS;
}

function wordOf(place: number): number {
  return place & (PLACES_PER_BLOCK - 1);
}

function sizeAt({ words }: Block, at: number): number {
  return aligned(HEADER_BYTES + words[at + 1]!);
}

function aligned(size: number): number {
  return Math.ceil(size / ALIGNMENT) * ALIGNMENT;
}

function isAt(bytes: Buffer, start: number, text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    if (bytes[start + i] !== text.charCodeAt(i)) {
      return false;
    }
  }
  return true;
}
