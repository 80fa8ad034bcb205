import type { Outline } from "./outline.ts";
import type { RecordBook } from "./record-book.ts";
import { type Answer, type Question, questionKey, type RecordType } from "./records.ts";
import { type LocateQuery, select, type Unreachable, type WayOut } from "./select.ts";

/** What a resolution ends with, and until when it may be used again, by the clock of the book. */
export interface Resolved {
  readonly outcome: Outline | Unreachable;
  readonly until: number;
}

const NEVER = Number.NEGATIVE_INFINITY;

/** One query on its way from step to step: asks the book what the selection needs until that has its result. */
export class Resolution {
  readonly #query: LocateQuery;
  readonly #waysOut: readonly WayOut[];
  readonly #book: RecordBook;
  readonly #done: (result: Resolved) => void;
  /** What this query was told: it counts to its end, though the book may forget it meanwhile. */
  readonly #answers = new Map<string, { readonly answer: Answer; readonly until: number }>();
  readonly #asked = new Set<string>();
  #patienceMs = Number.POSITIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  #over = false;
  /** The first of the answers that the last step used to expire. */
  #until = Number.POSITIVE_INFINITY;

  constructor(query: LocateQuery, waysOut: readonly WayOut[], book: RecordBook, done: (result: Resolved) => void) {
    this.#query = query;
    this.#waysOut = waysOut;
    this.#book = book;
    this.#done = done;
  }

  /** The result if nothing has to be waited for; else `done` gets it, later. */
  start(): Resolved | undefined {
    for (;;) {
      this.#until = Number.POSITIVE_INFINITY;
      const step = select(this.#query, this.#waysOut, this.#known);
      if ("ok" in step) {
        this.#over = true;
        clearTimeout(this.#timer);
        return { outcome: step, until: this.#until };
      }
      if (!this.#ask(step.ask)) {
        this.#wait(step.missing, step.patienceMs);
        return undefined;
      }
    }
  }

  /** True when an answer was there at once. */
  #ask(questions: readonly Question[]): boolean {
    let told = false;
    for (const question of questions) {
      const key = questionKey(question);
      if (this.#asked.has(key)) continue;
      this.#asked.add(key);
      // A new question begins a new wait.
      this.#stopWaiting();
      const answer = this.#book.find(question, (late) => this.#arrived(key, late));
      if (answer === undefined) continue;
      this.#learn(key, answer);
      told = true;
    }
    return told;
  }

  #arrived(key: string, answer: Answer): void {
    if (this.#over) return;
    this.#learn(key, answer);
    this.#goOn();
  }

  #learn(key: string, answer: Answer): void {
    this.#answers.set(key, { answer, until: this.#book.expires(key) });
  }

  #goOn(): void {
    const result = this.start();
    if (result !== undefined) this.#done(result);
  }

  /** Counts from the moment at which the patience became limited, or less. */
  #wait(questions: readonly Question[], patienceMs: number): void {
    if (patienceMs < Number.POSITIVE_INFINITY && patienceMs >= this.#patienceMs) return;
    this.#stopWaiting();
    if (patienceMs === Number.POSITIVE_INFINITY) return;
    this.#patienceMs = patienceMs;
    // After a stall of the event loop an answer may lie there already: it is read before setImmediate comes.
    const timer = setTimeout(() => setImmediate(() => timer === this.#timer && this.#giveUp(questions)), patienceMs);
    this.#timer = timer.unref();
  }

  #stopWaiting(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#patienceMs = Number.POSITIVE_INFINITY;
  }

  #giveUp(questions: readonly Question[]): void {
    if (this.#over) return;
    this.#stopWaiting();
    for (const question of questions) {
      const key = questionKey(question);
      if (this.#answers.has(key)) continue;
      const answer: Answer = { kind: "failed", reason: `DNS gave no answer for ${question.name} in time` };
      this.#answers.set(key, { answer, until: NEVER });
    }
    this.#goOn();
  }

  readonly #known = <T extends RecordType>(question: Question<T>): Answer<T> | undefined => {
    const known = this.#answers.get(questionKey(question));
    this.#until = Math.min(this.#until, known?.until ?? NEVER);
    return known?.answer as Answer<T> | undefined;
  };
}
