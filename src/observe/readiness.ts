/** One condition for taking calls, as it is now. */
export interface ReadinessCheck {
  readonly name: string;
  readonly ok: boolean;
  /** Why not; absent where all is well. A sentence for people. */
  readonly reason?: string;
}

export interface ReadinessReport {
  readonly ready: boolean;
  readonly checks: readonly ReadinessCheck[];
}

/**
 * Whether new calls should be sent here. A process may be alive without that. Each part that can say no adds its
 * check; a report asks them all, in the order in which they were added.
 */
export class Readiness {
  readonly #checks: { readonly name: string; readonly whyNot: () => string | undefined }[] = [];

  /** @param whyNot undefined while this part is ready, else a sentence that says why it is not */
  add(name: string, whyNot: () => string | undefined): void {
    this.#checks.push({ name, whyNot });
  }

  report(): ReadinessReport {
    const checks = this.#checks.map(({ name, whyNot }) => {
      const reason = whyNot();
      return reason === undefined ? { name, ok: true } : { name, ok: false, reason };
    });
    return { ready: checks.every(({ ok }) => ok), checks };
  }
}
