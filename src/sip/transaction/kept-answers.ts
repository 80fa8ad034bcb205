import { latin1Text, writeLatin1 } from "../../latin1.ts";
import type { Flow } from "../flow.ts";
import type { Hashes } from "./key-hash.ts";

const CHUNK_BYTES = 256 * 1024;
/** With a longer chain somebody aims at it, and the transaction stays an object like others. */
const LONGEST_CHAIN = 32;
const NONE = -1;
/** For each slot. Most answers have theirs to themselves then, and no other one's memory is touched for them. */
const BUCKETS = 4;

/** Characters. A longer one is somebody's joke. */
const LONGEST_KEY = 4096;

// What is kept in the ring for each slot, as numbers of 32 bits that stand side by side: they come from memory together.
const HASH = 0;
/** The next slot in the same bucket. */
const LINK = 1;
/** The chunk, counted from the first there was, and the place in it. */
const CHUNK = 2;
const START = 3;
const KEY_LENGTH = 4;
const TEXT_LENGTH = 5;
const WEIGHT = 6;
/** One more than are used, so that no slot stands in more lines of the cache than it has to. */
const SLOT_WORDS = 8;

/** What is kept besides the answer itself. */
export interface KeptAnswer {
  readonly key: string;
  /** Sent again when the request comes again; "" where there is nothing to send. What it means else is its keeper's affair. */
  readonly text: string;
  /** Undefined where nothing is ever sent: a flow that is kept outlives the collections of the young. */
  readonly flow: Flow | undefined;
  /** A number for whoever keeps it, which `expire` gives back. */
  readonly weight: number;
}

/**
 * Answered transactions that only wait until nothing of them can arrive any more (Timers J, K, L and M), as bytes
 * outside of the heap. A gateway that serves thousands of calls per second has a hundred thousand of them; as objects
 * the garbage collector would copy each twice and look at all of them again and again.
 *
 * All are kept equally long, so they are a ring: the oldest is the next to go. They are found by a hash table of plain
 * numbers; the texts lie in chunks that are given up one after the other.
 */
export class KeptAnswers {
  private readonly lifetime: number;
  private readonly hashes: Hashes;
  /** Slots of the ring, a power of two. */
  private room = 1024;
  private first = 0;
  private count = 0;
  private slots = new Int32Array(SLOT_WORDS * this.room);
  private due = new Float64Array(this.room);
  private flows: (Flow | undefined)[] = new Array(this.room).fill(undefined);
  /** By hash, the youngest slot with it. */
  private buckets = new Int32Array(BUCKETS * this.room).fill(NONE);
  private readonly chunks: Buffer[] = [];
  /** Chunks to be used again: each new one would bring the next large garbage collection nearer. Never more than are in use, and one. */
  private readonly spare: Buffer[] = [];
  /** The number of the first of `chunks`, counted from the start. */
  private firstChunk = 0;
  private end = CHUNK_BYTES;

  /** @param lifetime ms */
  constructor(lifetime: number, hashes: Hashes) {
    this.lifetime = lifetime;
    this.hashes = hashes;
  }

  get size(): number {
    return this.count;
  }

  /** When `expire` has something to do; Infinity when nothing is kept. */
  get nextDue(): number {
    return this.count === 0 ? Number.POSITIVE_INFINITY : this.due[this.first]!;
  }

  /** Keeps an answer, from `now` on. @param hash that of its key. @returns false when it cannot */
  keep({ key, text, flow, weight }: KeptAnswer, now: number, hash: number): boolean {
    const size = key.length + text.length;
    if (key.length > LONGEST_KEY || size > CHUNK_BYTES) return false;
    const chunk = this.chunkFor(size);
    // Each by itself: to put the two together first would copy both once more.
    writeLatin1(chunk, key, this.end);
    if (text !== "") writeLatin1(chunk, text, this.end + key.length);
    let chain = 0;
    for (let slot = this.buckets[this.bucketOf(hash)]!; slot !== NONE; slot = this.numberOf(slot, LINK)) chain++;
    if (chain >= LONGEST_CHAIN) return false;
    if (this.count === this.room) this.grow();
    const slot = (this.first + this.count) & (this.room - 1);
    const { slots } = this;
    const at = slot * SLOT_WORDS;
    slots[at + HASH] = hash;
    slots[at + CHUNK] = this.firstChunk + this.chunks.length - 1;
    slots[at + START] = this.end;
    slots[at + KEY_LENGTH] = key.length;
    slots[at + TEXT_LENGTH] = text.length;
    slots[at + WEIGHT] = weight;
    this.due[slot] = now + this.lifetime;
    this.flows[slot] = flow;
    this.link(slot);
    this.end += size;
    this.count++;
    return true;
  }

  /** Whether something may be kept under a key with this hash. */
  mayHave(hash: number): boolean {
    if (this.count === 0) return false;
    let slot = this.buckets[this.bucketOf(hash)]!;
    while (slot !== NONE && this.numberOf(slot, HASH) !== hash) slot = this.numberOf(slot, LINK);
    return slot !== NONE;
  }

  /** Whether something is kept under this key. */
  has(key: string): boolean {
    return this.find(key) !== NONE;
  }

  /** What is kept under this key. */
  get(key: string): KeptAnswer | undefined {
    const slot = this.find(key);
    if (slot === NONE) return undefined;
    const start = this.numberOf(slot, START) + key.length;
    const text = latin1Text(this.chunkOf(slot), start, start + this.numberOf(slot, TEXT_LENGTH));
    return { key, text, flow: this.flows[slot], weight: this.numberOf(slot, WEIGHT) };
  }

  /** Forgets what has been kept long enough, and tells the weight of each. */
  expire(now: number, ended: (weight: number) => void): void {
    while (this.count > 0 && this.due[this.first]! <= now) {
      const slot = this.first;
      this.unlink(slot);
      this.flows[slot] = undefined;
      this.first = (slot + 1) & (this.room - 1);
      this.count--;
      ended(this.numberOf(slot, WEIGHT));
    }
    const oldest = this.count === 0 ? this.firstChunk + this.chunks.length - 1 : this.numberOf(this.first, CHUNK);
    while (this.firstChunk < oldest) {
      this.spare.push(this.chunks.shift()!);
      this.firstChunk++;
    }
    while (this.spare.length > this.chunks.length + 1) this.spare.pop();
  }

  private find(key: string): number {
    if (this.count === 0 || key.length > LONGEST_KEY) return NONE;
    const hash = this.hashes.of(key);
    for (let slot = this.buckets[this.bucketOf(hash)]!; slot !== NONE; slot = this.numberOf(slot, LINK)) {
      if (this.numberOf(slot, HASH) !== hash || this.numberOf(slot, KEY_LENGTH) !== key.length) continue;
      const start = this.numberOf(slot, START);
      if (latin1Text(this.chunkOf(slot), start, start + key.length) === key) return slot;
    }
    return NONE;
  }

  private bucketOf(hash: number): number {
    return hash & (this.buckets.length - 1);
  }

  private link(slot: number): void {
    const bucket = this.bucketOf(this.numberOf(slot, HASH));
    this.slots[slot * SLOT_WORDS + LINK] = this.buckets[bucket]!;
    this.buckets[bucket] = slot;
  }

  /** The oldest of all is the last of its chain. */
  private unlink(slot: number): void {
    const bucket = this.bucketOf(this.numberOf(slot, HASH));
    let before = this.buckets[bucket]!;
    if (before === slot) {
      this.buckets[bucket] = NONE;
      return;
    }
    while (this.numberOf(before, LINK) !== slot) before = this.numberOf(before, LINK);
    this.slots[before * SLOT_WORDS + LINK] = NONE;
  }

  private numberOf(slot: number, what: number): number {
    return this.slots[slot * SLOT_WORDS + what]!;
  }

  private chunkOf(slot: number): Buffer {
    return this.chunks[this.numberOf(slot, CHUNK) - this.firstChunk]!;
  }

  private chunkFor(size: number): Buffer {
    if (this.chunks.length === 0 || this.end + size > CHUNK_BYTES) {
      this.chunks.push(this.spare.pop() ?? Buffer.allocUnsafeSlow(CHUNK_BYTES));
      this.end = 0;
    }
    return this.chunks[this.chunks.length - 1]!;
  }

  /** Doubles the ring; its slots then begin at 0. */
  private grow(): void {
    const { first, room } = this;
    const turned = <T extends Float64Array | Int32Array>(from: T, to: T, words: number): T => {
      to.set(from.subarray(words * first), 0);
      to.set(from.subarray(0, words * first), words * (room - first));
      return to;
    };
    const doubled = 2 * room;
    this.slots = turned(this.slots, new Int32Array(SLOT_WORDS * doubled), SLOT_WORDS);
    this.due = turned(this.due, new Float64Array(doubled), 1);
    this.flows = [...this.flows.slice(first), ...this.flows.slice(0, first), ...new Array(room).fill(undefined)];
    this.buckets = new Int32Array(BUCKETS * doubled).fill(NONE);
    this.room = doubled;
    this.first = 0;
    for (let slot = 0; slot < this.count; slot++) this.link(slot);
  }
}
