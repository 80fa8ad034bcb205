/** One thing that was looked at on the way from a legacy client to its pool. */
export interface Step {
  /** `table`, `resolve`, `connect`, `tls`, `options`, `gateway`, `call`. */
  readonly name: string;
  readonly outcome: "ok" | "failed";
  /** What was found, as a sentence without full stop. */
  readonly detail: string;
  /** What to do about it; there where the outcome is `failed`. */
  readonly fix?: string;
  /** How long it took, in milliseconds. */
  readonly ms: number;
}

/** What went wrong and what to do about it. */
export class StepFailure extends Error {
  readonly fix: string;

  /** @param message what was found, as a sentence without full stop */
  constructor(message: string, fix: string) {
    super(message);
    this.name = "StepFailure";
    this.fix = fix;
  }
}

/** Takes the time of some work and tells how it went. The work gives its finding, or throws a StepFailure. */
export class Steps {
  readonly all: Step[] = [];
  readonly #told: (step: Step) => void;

  /** @param told gets each step as it is done */
  constructor(told: (step: Step) => void = () => undefined) {
    this.#told = told;
  }

  get ok(): boolean {
    return this.all.every(({ outcome }) => outcome === "ok");
  }

  /** @returns what the work gave besides its finding; undefined when it failed */
  async take<T>(name: string, work: () => Promise<{ detail: string; value: T }>): Promise<T | undefined> {
    const start = performance.now();
    const ms = () => Math.round((performance.now() - start) * 10) / 10;
    try {
      const { detail, value } = await work();
      this.#add({ name, outcome: "ok", detail, ms: ms() });
      return value;
    } catch (error) {
      if (!(error instanceof StepFailure)) throw error;
      this.#add({ name, outcome: "failed", detail: error.message, fix: error.fix, ms: ms() });
      return undefined;
    }
  }

  #add(step: Step): void {
    this.all.push(step);
    this.#told(step);
  }
}
