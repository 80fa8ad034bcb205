import { type Answer, type Question, questionKey, type RecordSource, type RecordType } from "./records.ts";

/** Bounds and times; each has a default. */
export interface RecordBookOptions {
  /** Answers remembered; beyond it the one learned longest ago is forgotten. Default 20000. */
  readonly maxAnswers?: number;
  /** Look-ups at once that are younger than `slowMs`. Default 128. */
  readonly maxLookups?: number;
  /** Look-ups at once that are older; beyond it the oldest is given up. Default 512. */
  readonly maxSlow?: number;
  /** Questions that wait for their turn; beyond it a look-up fails at once. Default 1024. */
  readonly maxWaiting?: number;
  /** From this age on a look-up no longer holds up others. Default 100 ms. */
  readonly slowMs?: number;
  /** How long it counts that DNS did not answer, or that there is no such record where DNS gives no time. Default 5 s. */
  readonly negativeSeconds?: number;
  /** The longest time that "there is no such record" counts, whatever DNS says. Default 60 s. */
  readonly maxNegativeSeconds?: number;
  /** The longest an answer counts, whatever its TTL. Default 3600 s. */
  readonly maxTtlSeconds?: number;
  /** How long past its time an answer stands in while DNS does not answer (RFC 8767). Default 86400 s. */
  readonly staleSeconds?: number;
  /** How long to wait for DNS before such an answer stands in. Default 400 ms. */
  readonly staleMs?: number;
  /** How long it then stands in before DNS is waited for again (RFC 8767 §5). Default 30 s. */
  readonly staleRetrySeconds?: number;
}

const DEFAULTS: Required<RecordBookOptions> = {
  maxAnswers: 20_000,
  maxLookups: 128,
  maxSlow: 512,
  maxWaiting: 1024,
  slowMs: 100,
  negativeSeconds: 5,
  maxNegativeSeconds: 60,
  maxTtlSeconds: 3600,
  staleSeconds: 86_400,
  staleMs: 400,
  staleRetrySeconds: 30,
};

const CLOSING: Answer = { kind: "failed", reason: "the gateway is closing" };

type Done = (answer: Answer) => void;

interface Entry {
  answer: Answer;
  /** Until when it counts, and until when it may stand in. */
  expires: number;
  readonly staleUntil: number;
}

/** A question under way or waiting for its turn. */
interface Lookup {
  readonly question: Question;
  readonly key: string;
  /** Who wants to know. */
  waiters: Done[];
  readonly abort: AbortController;
  slow: boolean;
  over: boolean;
}

/**
 * Remembers what DNS said for as long as DNS says, and asks once however many want to know. A slow look-up gives up
 * its place after a moment, so that names that never resolve hold up no other.
 */
export class RecordBook {
  readonly #source: RecordSource;
  readonly #clock: () => number;
  readonly #options: Required<RecordBookOptions>;
  readonly #known = new Map<string, Entry>();
  readonly #lookups = new Map<string, Lookup>();
  readonly #waiting: Lookup[] = [];
  /** Oldest first. */
  readonly #slow = new Set<Lookup>();
  #fast = 0;
  #closed = false;

  /** @param clock a monotonic time in ms */
  constructor(source: RecordSource, clock: () => number, options: RecordBookOptions = {}) {
    this.#source = source;
    this.#clock = clock;
    this.#options = { ...DEFAULTS, ...options };
  }

  get counts() {
    return { known: this.#known.size, bound: this.#options.maxAnswers, asked: this.#lookups.size };
  }

  /** The answer when it is known; else undefined, and `done` gets it once, later. */
  find<T extends RecordType>(question: Question<T>, done: (answer: Answer<T>) => void): Answer<T> | undefined {
    return this.#find(question, done as Done) as Answer<T> | undefined;
  }

  /** Until when the answer counts that is known under this key; -Infinity for none. */
  expires(key: string): number {
    return this.#known.get(key)?.expires ?? Number.NEGATIVE_INFINITY;
  }

  /** Answers everyone who still waits, then nothing more. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    const waiters = [...this.#lookups.values()].flatMap((lookup) => lookup.waiters);
    this.#lookups.clear();
    this.#waiting.length = 0;
    this.#source.close();
    setImmediate(() => {
      for (const done of waiters) done(CLOSING);
    });
  }

  #find(question: Question, done: Done): Answer | undefined {
    if (this.#closed) return CLOSING;
    const key = questionKey(question);
    const entry = this.#known.get(key);
    if (entry !== undefined && this.#clock() < entry.expires) return entry.answer;
    const others = this.#lookups.get(key);
    if (others !== undefined) {
      others.waiters.push(done);
      return undefined;
    }
    if (this.#fast >= this.#options.maxLookups && this.#waiting.length >= this.#options.maxWaiting) {
      if (entry !== undefined && this.#mayStandIn(entry)) return entry.answer;
      return { kind: "failed", reason: `too many DNS look-ups are waiting, ${question.name} is not looked up` };
    }
    const lookup = { question, key, waiters: [done], abort: new AbortController(), slow: false, over: false };
    this.#lookups.set(key, lookup);
    this.#waiting.push(lookup);
    if (entry !== undefined && this.#mayStandIn(entry)) {
      after(this.#options.staleMs, () => lookup.over || this.#standIn(lookup));
    }
    this.#startNext();
    return undefined;
  }

  #startNext(): void {
    while (this.#fast < this.#options.maxLookups) {
      const lookup = this.#waiting.shift();
      if (lookup === undefined) return;
      this.#fast++;
      after(this.#options.slowMs, () => this.#isSlow(lookup));
      void this.#source.lookup(lookup.question, lookup.abort.signal).then((answer) => this.#answered(lookup, answer));
    }
  }

  #isSlow(lookup: Lookup): void {
    if (lookup.over || this.#closed) return;
    lookup.slow = true;
    this.#fast--;
    this.#slow.add(lookup);
    if (this.#slow.size > this.#options.maxSlow) {
      for (const oldest of this.#slow) {
        this.#slow.delete(oldest);
        oldest.abort.abort();
        break;
      }
    }
    this.#startNext();
  }

  #answered(lookup: Lookup, answer: Answer): void {
    lookup.over = true;
    if (this.#closed) return;
    if (lookup.slow) this.#slow.delete(lookup);
    else this.#fast--;
    this.#lookups.delete(lookup.key);
    this.#startNext();
    if (answer.kind === "failed" && this.#standIn(lookup)) return;
    this.#remember(lookup.key, answer);
    for (const done of lookup.waiters) done(answer);
  }

  /** Gives who waits the last good answer, if there is one (RFC 8767); the look-up itself goes on. */
  #standIn(lookup: Lookup): boolean {
    const entry = this.#known.get(lookup.key);
    if (this.#closed || entry === undefined || !this.#mayStandIn(entry)) return false;
    entry.expires = this.#clock() + this.#options.staleRetrySeconds * 1000;
    const { waiters } = lookup;
    lookup.waiters = [];
    for (const done of waiters) done(entry.answer);
    return true;
  }

  #mayStandIn(entry: Entry): boolean {
    return entry.answer.kind === "found" && this.#clock() < entry.staleUntil;
  }

  #remember(key: string, answer: Answer): void {
    this.#known.delete(key);
    if (this.#known.size >= this.#options.maxAnswers) {
      const oldest = this.#known.keys().next();
      if (!oldest.done) this.#known.delete(oldest.value);
    }
    const expires = this.#clock() + this.#seconds(answer) * 1000;
    this.#known.set(key, { answer, expires, staleUntil: expires + this.#options.staleSeconds * 1000 });
  }

  #seconds(answer: Answer): number {
    const { negativeSeconds, maxNegativeSeconds, maxTtlSeconds } = this.#options;
    switch (answer.kind) {
      case "found":
        // At least a second: a TTL of 0 must not mean a look-up per message.
        return Math.min(Math.max(answer.ttlSeconds, 1), maxTtlSeconds);
      case "none":
        return Math.min(Math.max(answer.ttlSeconds ?? negativeSeconds, 1), maxNegativeSeconds);
      case "failed":
        return negativeSeconds;
    }
  }
}

/** After a stall of the event loop an answer may lie there already: it is read before `act` comes. */
function after(ms: number, act: () => void): void {
  setTimeout(() => setImmediate(act), ms).unref();
}
