import type { AddressAnswer, AddressSource } from "./dns.ts";

/** Bounds and times; each has a default. */
export interface AddressBookOptions {
  /** Names remembered; beyond it the one learned longest ago is forgotten. Default 10000. */
  readonly maxNames?: number;
  /** Lookups under way at once. Default 64. */
  readonly maxLookups?: number;
  /** Names that wait for their turn; beyond it a lookup fails at once. Default 256. */
  readonly maxWaiting?: number;
  /** How long an answer without an address counts. Default 5 s. */
  readonly negativeSeconds?: number;
  /** The longest an answer counts, whatever its TTL. Default 3600 s. */
  readonly maxTtlSeconds?: number;
}

type Done = (answer: AddressAnswer) => void;

/** Remembers the addresses of names for as long as DNS says, and asks once however many want to know. */
export class AddressBook {
  readonly #source: AddressSource;
  readonly #clock: () => number;
  readonly #options: Required<AddressBookOptions>;
  readonly #known = new Map<string, { readonly answer: AddressAnswer; readonly expires: number }>();
  /** Who wants to know a name that is being looked up or waits for it. */
  readonly #wanted = new Map<string, Done[]>();
  readonly #waiting: string[] = [];
  #underWay = 0;
  #closed = false;

  /** @param clock a monotonic time in ms */
  constructor(source: AddressSource, clock: () => number, options: AddressBookOptions = {}) {
    this.#source = source;
    this.#clock = clock;
    this.#options = {
      maxNames: 10_000,
      maxLookups: 64,
      maxWaiting: 256,
      negativeSeconds: 5,
      maxTtlSeconds: 3600,
      ...options,
    };
  }

  /** The answer when it is known; else undefined, and `done` gets it once, later. @param name in lower case */
  find(name: string, done: Done): AddressAnswer | undefined {
    if (this.#closed) return { ok: false, reason: "the gateway is closing" };
    const known = this.#known.get(name);
    if (known !== undefined && this.#clock() < known.expires) return known.answer;
    const others = this.#wanted.get(name);
    if (others !== undefined) {
      others.push(done);
      return undefined;
    }
    if (this.#underWay >= this.#options.maxLookups && this.#waiting.length >= this.#options.maxWaiting) {
      return { ok: false, reason: `too many DNS lookups are waiting, ${name} is not looked up` };
    }
    this.#wanted.set(name, [done]);
    this.#waiting.push(name);
    this.#startNext();
    return undefined;
  }

  /** Answers everyone who still waits, then nothing more. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#source.close();
    const waiting = [...this.#wanted.values()].flat();
    this.#wanted.clear();
    this.#waiting.length = 0;
    setImmediate(() => {
      for (const done of waiting) done({ ok: false, reason: "the gateway is closing" });
    });
  }

  #startNext(): void {
    while (this.#underWay < this.#options.maxLookups) {
      const name = this.#waiting.shift();
      if (name === undefined) return;
      this.#underWay++;
      void this.#source.lookup(name).then((answer) => this.#answered(name, answer));
    }
  }

  #answered(name: string, answer: AddressAnswer): void {
    this.#underWay--;
    if (this.#closed) return;
    this.#remember(name, answer);
    const wanted = this.#wanted.get(name) ?? [];
    this.#wanted.delete(name);
    this.#startNext();
    for (const done of wanted) done(answer);
  }

  #remember(name: string, answer: AddressAnswer): void {
    const { maxNames, maxTtlSeconds, negativeSeconds } = this.#options;
    // At least a second: a TTL of 0 must not mean a lookup per message.
    const seconds = answer.ok ? Math.min(Math.max(answer.ttlSeconds, 1), maxTtlSeconds) : negativeSeconds;
    this.#known.delete(name);
    if (this.#known.size >= maxNames) {
      const oldest = this.#known.keys().next();
      if (!oldest.done) this.#known.delete(oldest.value);
    }
    this.#known.set(name, { answer, expires: this.#clock() + seconds * 1000 });
  }
}
