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
  private readonly hashOf: Hashes;
  /** Slots of the ring, a power of two. Each of the arrays below has one number for each. */
  private room = 1024;
  private first = 0;
  private count = 0;
  private due = new Float64Array(this.room);
  private hashes = new Int32Array(this.room);
  private links = new Int32Array(this.room);
  private places = new Float64Array(this.room);
  private keyLengths = new Int32Array(this.room);
  private textLengths = new Int32Array(this.room);
  private weights = new Int32Array(this.room);
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
  constructor(lifetime: number, hashOf: Hashes) {
    this.lifetime = lifetime;
    this.hashOf = hashOf;
  }

  get size(): number {
    return this.count;
  }

  /** When `expire` has something to do; Infinity when nothing is kept. */
  get nextDue(): number {
    return this.count === 0 ? Number.POSITIVE_INFINITY : this.due[this.first]!;
  }

  /** Keeps an answer, from `now` on. @param hash that of its key. @returns false when it cannot */
  keep({ key, text, flow, weight }: KeptAnswer, now: number, hash = this.hashOf.of(key)): boolean {
    const size = key.length + text.length;
    if (key.length > LONGEST_KEY || size > CHUNK_BYTES) return false;
    const chunk = this.chunkFor(size);
    // Each by itself: to put the two together first would copy both once more.
    chunk.write(key, this.end, key.length, "latin1");
    if (text !== "") chunk.write(text, this.end + key.length, text.length, "latin1");
    let chain = 0;
    for (let slot = this.buckets[this.bucketOf(hash)]!; slot !== NONE; slot = this.links[slot]!) chain++;
    if (chain >= LONGEST_CHAIN) return false;
    if (this.count === this.room) this.grow();
    const slot = (this.first + this.count) & (this.room - 1);
    this.due[slot] = now + this.lifetime;
    this.places[slot] = (this.firstChunk + this.chunks.length - 1) * CHUNK_BYTES + this.end;
    this.keyLengths[slot] = key.length;
    this.textLengths[slot] = text.length;
    this.weights[slot] = weight;
    this.flows[slot] = flow;
    this.hashes[slot] = hash;
    this.link(slot);
    this.end += size;
    this.count++;
    return true;
  }

  /** Whether something may be kept under a key with this hash. */
  mayHave(hash: number): boolean {
    if (this.count === 0) return false;
    let slot = this.buckets[this.bucketOf(hash)]!;
    while (slot !== NONE && this.hashes[slot] !== hash) slot = this.links[slot]!;
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
    const place = this.places[slot]!;
    const start = (place % CHUNK_BYTES) + this.keyLengths[slot]!;
    const text = this.chunkAt(place).toString("latin1", start, start + this.textLengths[slot]!);
    return { key, text, flow: this.flows[slot], weight: this.weights[slot]! };
  }

  /** Forgets what has been kept long enough, and tells the weight of each. */
  expire(now: number, ended: (weight: number) => void): void {
    while (this.count > 0 && this.due[this.first]! <= now) {
      const slot = this.first;
      this.unlink(slot);
      this.flows[slot] = undefined;
      this.first = (slot + 1) & (this.room - 1);
      this.count--;
      ended(this.weights[slot]!);
    }
    const oldest = this.count === 0 ? this.firstChunk + this.chunks.length - 1 : this.chunkOf(this.first);
    while (this.firstChunk < oldest) {
      this.spare.push(this.chunks.shift()!);
      this.firstChunk++;
    }
    while (this.spare.length > this.chunks.length + 1) this.spare.pop();
  }

  private find(key: string): number {
    if (this.count === 0 || key.length > LONGEST_KEY) return NONE;
    const hash = this.hashOf.of(key);
    for (let slot = this.buckets[this.bucketOf(hash)]!; slot !== NONE; slot = this.links[slot]!) {
      if (this.hashes[slot] !== hash || this.keyLengths[slot] !== key.length) continue;
      const place = this.places[slot]!;
      const start = place % CHUNK_BYTES;
      if (this.chunkAt(place).toString("latin1", start, start + key.length) === key) return slot;
    }
    return NONE;
  }

  private bucketOf(hash: number): number {
    return hash & (this.buckets.length - 1);
  }

  private link(slot: number): void {
    const bucket = this.bucketOf(this.hashes[slot]!);
    this.links[slot] = this.buckets[bucket]!;
    this.buckets[bucket] = slot;
  }

  /** The oldest of all is the last of its chain. */
  private unlink(slot: number): void {
    const bucket = this.bucketOf(this.hashes[slot]!);
    let before = this.buckets[bucket]!;
    if (before === slot) {
      this.buckets[bucket] = NONE;
      return;
    }
    while (this.links[before] !== slot) before = this.links[before]!;
    this.links[before] = NONE;
  }

  private chunkOf(slot: number): number {
    return Math.floor(this.places[slot]! / CHUNK_BYTES);
  }

  private chunkAt(place: number): Buffer {
    return this.chunks[Math.floor(place / CHUNK_BYTES) - this.firstChunk]!;
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
    const turned = <T extends Float64Array | Int32Array>(from: T, to: T): T => {
      to.set(from.subarray(first), 0);
      to.set(from.subarray(0, first), room - first);
      return to;
    };
    const doubled = 2 * room;
    this.due = turned(this.due, new Float64Array(doubled));
    this.places = turned(this.places, new Float64Array(doubled));
    this.hashes = turned(this.hashes, new Int32Array(doubled));
    this.keyLengths = turned(this.keyLengths, new Int32Array(doubled));
    this.textLengths = turned(this.textLengths, new Int32Array(doubled));
    this.weights = turned(this.weights, new Int32Array(doubled));
    this.flows = [...this.flows.slice(first), ...this.flows.slice(0, first), ...new Array(room).fill(undefined)];
    this.links = new Int32Array(doubled);
    this.buckets = new Int32Array(BUCKETS * doubled).fill(NONE);
    this.room = doubled;
    this.first = 0;
    for (let slot = 0; slot < this.count; slot++) this.link(slot);
  }
}
