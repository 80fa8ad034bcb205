import { randomBytes } from "node:crypto";
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

/** A caller in the order in which they were heard last: a list in a ring, so that none of its moves costs a search. */
interface Place {
  readonly caller: { -readonly [K in keyof Caller]: Caller[K] };
  /** In the index, from 1. */
  readonly number: number;
  hash: number;
  /** Heard before, and after, this one. */
  before: Place;
  after: Place;
}

/**
 * The callers heard last, up to a limit. With more of them than that, each call has to forget one and remember another,
 * so this makes no text to look for and no object to remember: a new caller gets the place of the one that gives way.
 */
export class Callers {
  /** How many gave way. */
  forgotten = 0;
  readonly #limit: number;
  readonly #index = new HashIndex();
  /** So that nobody foresees which callers have one hash. */
  readonly #seed = randomBytes(4).readUInt32LE();
  readonly #places: Place[] = [];
  /** After it comes who was silent longest, before it who was heard last. */
  readonly #ends: Place;

  /** @param limit at least 1 */
  constructor(limit: number) {
    this.#limit = limit;
    this.#ends = place(0);
  }

  /** A request of somebody for a legacy address. @param now ms since 1970 */
  note(endpoint: string, caller: string, status: number, method: string, now: number): void {
    const hash = textHash(caller, textHash(endpoint, this.#seed));
    let place = this.#find(hash, endpoint, caller);
    if (place === undefined) {
      place = this.#newPlace();
      place.hash = hash;
      this.#index.add(hash, place.number);
      place.caller.endpoint = endpoint;
      // A copy: a part of a text keeps all of it in memory, and this one is cut out of a message.
      place.caller.caller = `\n${caller}`.slice(1);
      place.caller.requests = 0;
      place.caller.firstAt = now;
    } else {
      unlink(place);
    }
    this.#linkAsLast(place);
    const known = place.caller;
    known.requests++;
    known.lastAt = now;
    known.lastStatus = status;
    known.lastMethod = method;
  }

  /** Who called last comes first. */
  *[Symbol.iterator](): IterableIterator<Caller> {
    for (let place = this.#ends.before; place !== this.#ends; place = place.before) {
      yield { ...place.caller };
    }
  }

  #find(hash: number, endpoint: string, caller: string): Place | undefined {
    const index = this.#index;
    for (let slot = index.first(hash); slot >= 0; slot = index.next(slot, hash)) {
      const place = this.#places[index.placeAt(slot) - 1]!;
      if (place.caller.caller === caller && place.caller.endpoint === endpoint) {
        return place;
      }
    }
    return undefined;
  }

  /** One that is in no list and not in the index. */
  #newPlace(): Place {
    if (this.#places.length < this.#limit) {
      const fresh = place(this.#places.length + 1);
      this.#places.push(fresh);
      return fresh;
    }
    const silent = this.#ends.after;
    unlink(silent);
    this.#index.removeAt(this.#index.slotOf(silent.hash, silent.number));
    this.forgotten++;
    return silent;
  }

  #linkAsLast(place: Place): void {
    const ends = this.#ends;
    place.before = ends.before;
    place.after = ends;
    ends.before.after = place;
    ends.before = place;
  }
}

function unlink(place: Place): void {
  place.before.after = place.after;
  place.after.before = place.before;
}

/** Alone in its ring. */
function place(number: number): Place {
  const caller = { endpoint: "", caller: "", requests: 0, firstAt: 0, lastAt: 0, lastStatus: 0, lastMethod: "" };
  const alone = { caller, number, hash: 0 } as Place;
  alone.before = alone.after = alone;
  return alone;
}
