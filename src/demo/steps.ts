/** The steps of a Group Chat session, in the order the client takes them. */
export const STEPS = {
  connect: "connect to the home front end",
  signIn: "sign in (REGISTER)",
  lookUp: "open the look-up dialog (INVITE)",
  ask: "ask for the channel address (INFO cmd:requri)",
  learn: "receive the channel address (INFO rpl:requri from the pool)",
  channel: "open the channel dialog (INVITE)",
  closeLookUp: "end the look-up dialog (BYE)",
  invitations: "ask for invitations (INFO cmd:getinv)",
  join: "join a room (INFO cmd:join)",
  chat: "say a line and see it come back (INFO grpchat)",
  signOut: "sign out (BYE, REGISTER)",
} as const;

export type StepId = keyof typeof STEPS;

/** How a step went. */
export interface Step {
  readonly id: StepId;
  readonly title: string;
  readonly outcome: "done" | "lost" | "failed";
  /** What came of it where that is worth telling, or why it failed. */
  readonly detail: string;
  /** How long it took, in milliseconds. */
  readonly milliseconds: number;
}

/** A step that could not be done; the message says why. */
export class StepFailure extends Error {}

/** The other side has lost the dialog (481): a legacy client looks up again, without telling its user. */
export class DialogLost extends Error {}

/** The steps that were taken, in order. */
export class StepLog {
  readonly taken: Step[] = [];
  readonly #onStep: (step: Step) => void;

  constructor(onStep: (step: Step) => void) {
    this.#onStep = onStep;
  }

  /** Does a step and notes how it went. `detail` makes the note out of the result. Passes a failure on. */
  async take<T>(id: StepId, work: Promise<T>, detail: (result: T) => string = () => ""): Promise<T> {
    const start = performance.now();
    const note = (outcome: Step["outcome"], text: string) => {
      const step = { id, title: STEPS[id], outcome, detail: text, milliseconds: performance.now() - start };
      this.taken.push(step);
      this.#onStep(step);
    };
    try {
      const result = await work;
      note("done", detail(result));
      return result;
    } catch (error) {
      note(error instanceof DialogLost ? "lost" : "failed", (error as Error).message);
      throw error;
    }
  }
}
