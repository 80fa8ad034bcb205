import type { Hashes } from "./key-hash.ts";

/** What stands in a `KeyTable`. It has the room that the table needs for it. */
export interface Keyed<Entry> {
  readonly key: string;
  /** The hash of the key, once it stands in the table. */
  hash: number;
  /** For the table alone: the next entry in the same place. */
  chained: Entry | undefined;
}

const FIRST_PLACES = 256;

/**
 * Entries by key, where each is in for a moment and thousands come and go in a second.
 *
 * A Map would do but for V8's garbage collector: each time a Map is tidied up its old storage keeps a reference to the
 * new one, and once such a storage has become old it keeps all that follow, with everything that stood in them. So every
 * transaction would be copied twice and left for the slow collection, although it was long over.
 */
export class KeyTable<Entry extends Keyed<Entry>> {
  /** How many there are. */
  size = 0;
  private readonly hashes: Hashes;
  private places: (Entry | undefined)[] = new Array<undefined>(FIRST_PLACES).fill(undefined);

  constructor(hashes: Hashes) {
    this.hashes = hashes;
  }

  /** Whether there may be one whose key has this hash. */
  mayHave(hash: number): boolean {
    let entry = this.places[hash & (this.places.length - 1)];
    while (entry !== undefined && entry.hash !== hash) entry = entry.chained;
    return entry !== undefined;
  }

  get(key: string): Entry | undefined {
    const hash = this.hashes.of(key);
    let entry = this.places[hash & (this.places.length - 1)];
    while (entry !== undefined && (entry.hash !== hash || entry.key !== key)) entry = entry.chained;
    return entry;
  }

  has(key: string): boolean {
    return this.get(key) !== undefined;
  }

  /**
   * Puts an entry in. One with the same key stays, and is found again when this one is taken out.
   * @param hash that of its key
   */
  add(entry: Entry, hash = this.hashes.of(entry.key)): void {
    if (this.size === this.places.length) this.grow();
    entry.hash = hash;
    this.chain(entry);
    this.size++;
  }

  /** Takes an entry out. @returns false when it was not in */
  delete(entry: Entry): boolean {
    const at = entry.hash & (this.places.length - 1);
    let before: Entry | undefined;
    let found = this.places[at];
    for (; found !== undefined && found !== entry; found = found.chained) before = found;
    if (found === undefined) return false;
    if (before === undefined) this.places[at] = entry.chained;
    else before.chained = entry.chained;
    entry.chained = undefined;
    this.size--;
    return true;
  }

  /** All entries, in no particular order. */
  *values(): IterableIterator<Entry> {
    for (const first of this.places) for (let entry = first; entry !== undefined; entry = entry.chained) yield entry;
  }

  private chain(entry: Entry): void {
    const at = entry.hash & (this.places.length - 1);
    entry.chained = this.places[at];
    this.places[at] = entry;
  }

  private grow(): void {
    const all = [...this.values()];
    this.places = new Array<undefined>(2 * this.places.length).fill(undefined);
    for (const entry of all) this.chain(entry);
  }
}
