/** Marks a slot without a place. */
const FREE = 0;

/**
 * Finds places by hash: an open hash table with linear probing in one array of plain numbers, so that it is nothing to
 * the garbage collector, and hash and place of a slot come from memory together. Two keys may have one hash: whoever
 * asks compares the keys themselves.
 */
export class HashIndex {
  /** For each slot the hash, then the place. */
  #slots = new Uint32Array(2 * 8);
  #mask = 7;
  #count = 0;

  placeAt(slot: number): number {
    return this.#slots[2 * slot + 1]!;
  }

  /** The first slot that has this hash; -1 when there is none. */
  first(hash: number): number {
    return this.#search(this.#home(hash), hash);
  }

  /** The slot after this one that has the hash; -1 when there is none. */
  next(slot: number, hash: number): number {
    return this.#search((slot + 1) & this.#mask, hash);
  }

  /** The slot of this place; -1 when there is none. */
  slotOf(hash: number, place: number): number {
    let slot = this.first(hash);
    while (slot >= 0 && this.placeAt(slot) !== place) {
      slot = this.next(slot, hash);
    }
    return slot;
  }

  /** What is found in this slot is at another place now. */
  move(slot: number, place: number): void {
    this.#slots[2 * slot + 1] = place;
  }

  /** @param hash 32 bits @param place 32 bits, not 0 */
  add(hash: number, place: number): void {
    if (++this.#count > (this.#mask + 1) * 0.7) {
      this.#grow();
    }
    this.#put(hash, place);
  }

  /** Those behind the one that goes move up, so that no search ends too early. */
  removeAt(slot: number): void {
    const slots = this.#slots;
    this.#count--;
    let hole = slot;
    for (let at = (slot + 1) & this.#mask; slots[2 * at + 1] !== FREE; at = (at + 1) & this.#mask) {
      const home = this.#home(slots[2 * at]!);
      if (((at - home) & this.#mask) >= ((at - hole) & this.#mask)) {
        slots[2 * hole] = slots[2 * at]!;
        slots[2 * hole + 1] = slots[2 * at + 1]!;
        hole = at;
      }
    }
    slots[2 * hole + 1] = FREE;
  }

  /** All places. */
  places(): number[] {
    const places: number[] = [];
    for (let at = 1; at < this.#slots.length; at += 2) {
      if (this.#slots[at] !== FREE) {
        places.push(this.#slots[at]!);
      }
    }
    return places;
  }

  /** The lowest bits are left to who spreads keys over several indexes. */
  #home(hash: number): number {
    return (hash >>> 10) & this.#mask;
  }

  #search(from: number, hash: number): number {
    const slots = this.#slots;
    const mask = this.#mask;
    for (let slot = from; slots[2 * slot + 1] !== FREE; slot = (slot + 1) & mask) {
      if (slots[2 * slot] === hash) {
        return slot;
      }
    }
    return -1;
  }

  #put(hash: number, place: number): void {
    let slot = this.#home(hash);
    while (this.#slots[2 * slot + 1] !== FREE) {
      slot = (slot + 1) & this.#mask;
    }
    this.#slots[2 * slot] = hash;
    this.#slots[2 * slot + 1] = place;
  }

  #grow(): void {
    const before = this.#slots;
    this.#slots = new Uint32Array(2 * before.length);
    this.#mask = 2 * this.#mask + 1;
    for (let at = 0; at < before.length; at += 2) {
      if (before[at + 1] !== FREE) {
        this.#put(before[at]!, before[at + 1]!);
      }
    }
  }
}

/** 32 bits over all characters of a text, well mixed. @param from the hash of what stands before it */
export function textHash(text: string, from = 0x811c9dc5): number {
  let hash = from;
  for (let i = 0; i < text.length; i++) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return (hash ^ (hash >>> 13)) >>> 0;
}
