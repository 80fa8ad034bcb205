import type { Question } from "./messages.ts";

/** How long one who has not answered yet is waited for. */
const ANSWER_MS = 2000;

/** One process that a question can be put to. */
export interface Asked {
  readonly id: number;
  /** Sends it the question; the answer comes with the same number. */
  readonly put: (number: number, question: Question) => void;
}

interface Open {
  readonly answers: unknown[];
  readonly waitingFor: Set<number>;
  readonly done: () => void;
}

/** Questions that all processes answer, so that one of them can show it for all. */
export class Questions {
  readonly #open = new Map<number, Open>();
  #next = 1;

  /** @returns the answers of those that gave one in time, in the order in which they came */
  async ask(all: readonly Asked[], question: Question): Promise<readonly unknown[]> {
    const number = this.#next++;
    const answers: unknown[] = [];
    await new Promise<void>((resolve) => {
      const late = setTimeout(resolve, ANSWER_MS);
      const done = (): void => {
        clearTimeout(late);
        resolve();
      };
      this.#open.set(number, { answers, waitingFor: new Set(all.map(({ id }) => id)), done });
      for (const { put } of all) put(number, question);
    });
    this.#open.delete(number);
    return answers.filter((answer) => answer !== undefined);
  }

  /** @param answer undefined: it has none */
  answered(id: number, number: number, answer: unknown): void {
    const open = this.#open.get(number);
    if (!open?.waitingFor.delete(id)) return;
    open.answers.push(answer);
    if (open.waitingFor.size === 0) open.done();
  }

  /** It has ended, and answers nothing any more. */
  gone(id: number): void {
    for (const number of this.#open.keys()) this.answered(id, number, undefined);
  }
}
