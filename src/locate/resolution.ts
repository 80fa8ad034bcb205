import type { RecordBook } from "./record-book.ts";
import { type Answer, type Question, questionKey, type RecordType } from "./records.ts";
import { type LocateQuery, type LocateResult, select, type WayOut } from "./select.ts";

/** One query on its way from step to step: asks the book what the selection needs until that has its result. */
export class Resolution {
  readonly #query: LocateQuery;
  readonly #waysOut: readonly WayOut[];
  readonly #book: RecordBook;
  readonly #seed: number;
  readonly #done: (result: LocateResult) => void;
  /** What this query was told: it counts to its end, though the book may forget it meanwhile. */
  readonly #answers = new Map<string, Answer>();
  readonly #asked = new Set<string>();
  #patienceMs = Number.POSITIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  #over = false;

  constructor(
    query: LocateQuery,
    waysOut: readonly WayOut[],
    book: RecordBook,
    seed: number,
    done: (result: LocateResult) => void,
  ) {
    this.#query = query;
    this.#waysOut = waysOut;
    this.#book = book;
    this.#seed = seed;
    this.#done = done;
  }

  /** The result if nothing has to be waited for; else `done` gets it, later. */
  start(): LocateResult | undefined {
    for (;;) {
      const step = select(this.#query, this.#waysOut, this.#known, this.#seed);
      if ("ok" in step) {
        this.#over = true;
        clearTimeout(this.#timer);
        return step;
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
      this.#answers.set(key, answer);
      told = true;
    }
    return told;
  }

  #arrived(key: string, answer: Answer): void {
    if (this.#over) return;
    this.#answers.set(key, answer);
    this.#goOn();
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
      this.#answers.set(key, { kind: "failed", reason: `DNS gave no answer for ${question.name} in time` });
    }
    this.#goOn();
  }

  readonly #known = <T extends RecordType>(question: Question<T>): Answer<T> | undefined =>
    this.#answers.get(questionKey(question)) as Answer<T> | undefined;
}
