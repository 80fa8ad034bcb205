import type { SipText } from "./sip-text.ts";
import { StepFailure } from "./steps.ts";
import type { Xccos } from "./xccos.ts";

/** What reached the client and a step may be waiting for. */
export type ClientEvent =
  | { readonly kind: "answered"; readonly key: string; readonly response: SipText }
  | { readonly kind: "said"; readonly callId: string; readonly xccos: Xccos }
  | { readonly kind: "ended"; readonly callId: string };

/** The client's events, kept until the step that waits for them takes them. */
export class ClientEvents {
  readonly #events: ClientEvent[] = [];
  readonly #waiting = new Set<() => void>();
  #failure: StepFailure | undefined;

  push(event: ClientEvent): void {
    this.#events.push(event);
    this.#wake();
  }

  /** Makes everyone who waits, and who will wait, fail; the first reason stays. */
  fail(why: string): void {
    this.#failure ??= new StepFailure(why);
    this.#wake();
  }

  /** Lets waiting begin anew after a failure. */
  recover(): void {
    this.#failure = undefined;
  }

  /** True when the pool has ended that dialog. */
  ended(callId: string): boolean {
    return this.#events.some((event) => event.kind === "ended" && event.callId === callId);
  }

  /**
   * Waits until an event fits, be it one that has already happened, and takes it.
   * @param giveUp asked after each event: an error to fail with, if waiting has become pointless
   * @param late the error to fail with after `timeout` milliseconds
   */
  async take<T>(
    pick: (event: ClientEvent) => T | undefined,
    giveUp: () => Error | undefined,
    timeout: number,
    late: () => Error,
  ): Promise<T> {
    let expired = false;
    let wake = () => {};
    const notify = () => wake();
    this.#waiting.add(notify);
    const timer = setTimeout(() => {
      expired = true;
      notify();
    }, timeout);
    try {
      for (;;) {
        for (const [index, event] of this.#events.entries()) {
          const found = pick(event);
          if (found === undefined) continue;
          this.#events.splice(index, 1);
          return found;
        }
        const failure = this.#failure ?? giveUp() ?? (expired ? late() : undefined);
        if (failure !== undefined) throw failure;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(notify);
    }
  }

  #wake(): void {
    for (const notify of this.#waiting) notify();
  }
}
