import { HashIndex, textHash } from "../hash-index.ts";

/** Somebody who used a legacy address. */
export interface Caller {
  readonly endpoint: string;
  /** The URI in From. */
  readonly caller: string;
  readonly requests: number;
  /** ms since 1970. */
  readonly firstAt: number;
  readonly lastAt: number;
  readonly lastStatus: number;
  /** The method of the last request. */
  readonly lastMethod: string;
}

/** The texts of a caller. */
type Texts = Pick<Caller, "endpoint" | "caller" | "lastMethod">;

// A record: eight numbers of 32 bits, two of 64, and the three texts one after the other.
const HASH = 0;
/** The records of who was heard before, and after, this one. */
const BEFORE = 1;
const AFTER = 2;
const REQUESTS = 3;
const STATUS = 4;
const ENDPOINT_LENGTH = 5;
const CALLER_LENGTH = 6;
const METHOD_LENGTH = 7;
const FIRST_AT = 4;
const LAST_AT = 5;
const TEXTS_AT = 48;
const RECORD_BYTES = 192;
const RECORD_WORDS = RECORD_BYTES / 4;
const RECORD_TIMES = RECORD_BYTES / 8;

const FIRST_ROOM = 64;
/** The record that stands for both ends of the ring: after it comes who was silent longest, before it who was heard last. */
const ENDS = 0;
/** As the length of the endpoint: the texts of this record have no room in it. */
const ELSEWHERE = 0xffffffff;

/**
 * The callers heard last, up to a limit, in the order in which they were heard: a list in a ring, so that none of its
 * moves costs a search. With more callers than that each call has to forget one and remember another, and what is
 * remembered as objects is copied by the garbage collector twice; so they are records in one piece of memory outside of
 * its heap, and a new caller gets that of the one who gives way.
 */
export class Callers {
  /** How many gave way. */
  forgotten = 0;
  readonly #limit: number;
  readonly #index = new HashIndex();
  /** The record of number 0 is that of the ends; the others are numbered as in the index. */
  #words!: Uint32Array;
  #times!: Float64Array;
  #bytes!: Buffer;
  #count = 0;
  /** By number, the texts that have no room in their record. */
  readonly #long = new Map<number, Texts>();

  /** @param limit at least 1 */
  constructor(limit: number) {
    this.#limit = limit;
    this.#take(new ArrayBuffer(FIRST_ROOM * RECORD_BYTES));
  }

  /**
   * A request of somebody for a legacy address.
   * @param endpointHash a hash of it that nobody foresees
   * @param now ms since 1970
   */
  note(endpoint: string, endpointHash: number, caller: string, status: number, method: string, now: number): void {
    const hash = textHash(caller, endpointHash);
    let record = this.#find(hash, endpoint, caller);
    const isNew = record === ENDS;
    if (isNew) {
      record = this.#newRecord();
      this.#index.add(hash, record);
      const words = this.#words;
      words[record * RECORD_WORDS + HASH] = hash;
      words[record * RECORD_WORDS + REQUESTS] = 0;
      this.#times[record * RECORD_TIMES + FIRST_AT] = now;
    } else this.#unlink(record);
    this.#linkAsLast(record);
    const at = record * RECORD_WORDS;
    this.#words[at + REQUESTS]!++;
    this.#words[at + STATUS] = status;
    this.#times[record * RECORD_TIMES + LAST_AT] = now;
    if (isNew || !this.#hasMethod(record, method)) this.#writeTexts(record, endpoint, caller, method);
  }

  /** Who called last comes first. */
  *[Symbol.iterator](): IterableIterator<Caller> {
    for (let record = this.#before(ENDS); record !== ENDS; record = this.#before(record)) {
      const at = record * RECORD_WORDS;
      const times = record * RECORD_TIMES;
      yield {
        ...this.#textsOf(record),
        requests: this.#words[at + REQUESTS]!,
        firstAt: this.#times[times + FIRST_AT]!,
        lastAt: this.#times[times + LAST_AT]!,
        lastStatus: this.#words[at + STATUS]!,
      };
    }
  }

  /** @returns the number of the record, or ENDS */
  #find(hash: number, endpoint: string, caller: string): number {
    const index = this.#index;
    for (let slot = index.first(hash); slot >= 0; slot = index.next(slot, hash)) {
      const record = index.placeAt(slot);
      if (this.#isOf(record, endpoint, caller)) return record;
    }
    return ENDS;
  }

  #isOf(record: number, endpoint: string, caller: string): boolean {
    const at = record * RECORD_WORDS;
    const length = this.#words[at + ENDPOINT_LENGTH]!;
    if (length === ELSEWHERE) {
      const texts = this.#long.get(record)!;
      return texts.endpoint === endpoint && texts.caller === caller;
    }
    if (length !== endpoint.length || this.#words[at + CALLER_LENGTH] !== caller.length) return false;
    const start = record * RECORD_BYTES + TEXTS_AT;
    return this.#holds(start, endpoint) && this.#holds(start + length, caller);
  }

  #hasMethod(record: number, method: string): boolean {
    const at = record * RECORD_WORDS;
    const length = this.#words[at + ENDPOINT_LENGTH]!;
    if (length === ELSEWHERE) return this.#long.get(record)!.lastMethod === method;
    const start = record * RECORD_BYTES + TEXTS_AT + length + this.#words[at + CALLER_LENGTH]!;
    return this.#words[at + METHOD_LENGTH] === method.length && this.#holds(start, method);
  }

  #holds(start: number, text: string): boolean {
    const bytes = this.#bytes;
    for (let i = 0; i < text.length; i++) if (bytes[start + i] !== text.charCodeAt(i)) return false;
    return true;
  }

  #writeTexts(record: number, endpoint: string, caller: string, lastMethod: string): void {
    const words = this.#words;
    const at = record * RECORD_WORDS;
    const start = record * RECORD_BYTES + TEXTS_AT;
    const end = start + endpoint.length + caller.length;
    if (
      end + lastMethod.length <= (record + 1) * RECORD_BYTES &&
      this.#write(start, endpoint) &&
      this.#write(start + endpoint.length, caller) &&
      this.#write(end, lastMethod)
    ) {
      if (words[at + ENDPOINT_LENGTH] === ELSEWHERE) this.#long.delete(record);
      words[at + ENDPOINT_LENGTH] = endpoint.length;
      words[at + CALLER_LENGTH] = caller.length;
      words[at + METHOD_LENGTH] = lastMethod.length;
      return;
    }
    words[at + ENDPOINT_LENGTH] = ELSEWHERE;
    this.#long.set(record, { endpoint, caller: copyOf(caller), lastMethod: copyOf(lastMethod) });
  }

  /** @returns false where a character is no byte */
  #write(start: number, text: string): boolean {
    const bytes = this.#bytes;
    for (let i = 0; i < text.length; i++) {
      const character = text.charCodeAt(i);
      if (character > 0xff) return false;
      bytes[start + i] = character;
    }
    return true;
  }

  #textsOf(record: number): Texts {
    const at = record * RECORD_WORDS;
    const length = this.#words[at + ENDPOINT_LENGTH]!;
    if (length === ELSEWHERE) return this.#long.get(record)!;
    const start = record * RECORD_BYTES + TEXTS_AT;
    const callerAt = start + length;
    const methodAt = callerAt + this.#words[at + CALLER_LENGTH]!;
    return {
      endpoint: this.#bytes.toString("latin1", start, callerAt),
      caller: this.#bytes.toString("latin1", callerAt, methodAt),
      lastMethod: this.#bytes.toString("latin1", methodAt, methodAt + this.#words[at + METHOD_LENGTH]!),
    };
  }

  /** One that is in no list and not in the index. */
  #newRecord(): number {
    if (this.#count < this.#limit) {
      const record = ++this.#count;
      if ((record + 1) * RECORD_BYTES > this.#bytes.length) this.#grow();
      return record;
    }
    const silent = this.#words[ENDS + AFTER]!;
    this.#unlink(silent);
    this.#index.removeAt(this.#index.slotOf(this.#words[silent * RECORD_WORDS + HASH]!, silent));
    this.forgotten++;
    return silent;
  }

  #before(record: number): number {
    return this.#words[record * RECORD_WORDS + BEFORE]!;
  }

  #linkAsLast(record: number): void {
    const words = this.#words;
    const last = words[ENDS + BEFORE]!;
    words[record * RECORD_WORDS + BEFORE] = last;
    words[record * RECORD_WORDS + AFTER] = ENDS;
    words[last * RECORD_WORDS + AFTER] = record;
    words[ENDS + BEFORE] = record;
  }

  #unlink(record: number): void {
    const words = this.#words;
    const before = words[record * RECORD_WORDS + BEFORE]!;
    const after = words[record * RECORD_WORDS + AFTER]!;
    words[before * RECORD_WORDS + AFTER] = after;
    words[after * RECORD_WORDS + BEFORE] = before;
  }

  #grow(): void {
    const from = this.#bytes;
    this.#take(new ArrayBuffer(Math.min(2 * from.length, (this.#limit + 1) * RECORD_BYTES)));
    this.#bytes.set(from);
  }

  #take(memory: ArrayBuffer): void {
    this.#words = new Uint32Array(memory);
    this.#times = new Float64Array(memory);
    this.#bytes = Buffer.from(memory);
  }
}

/** A part of a text keeps all of it in memory, and what is noted here is cut out of messages. */
function copyOf(text: string): string {
  return `\n${text}`.slice(1);
}
