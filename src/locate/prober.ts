import type { Target } from "../sip/flow.ts";
import type { Health } from "./health.ts";
import { addressKey, type Outcome } from "./health-state.ts";

/** One OPTIONS to send (RFC 3261 §11). */
export interface Probe {
  /** Exactly there: nothing is to be looked up, and nothing else tried. */
  readonly target: Target;
  /** After so many ms nobody waits for an answer any more; no retransmission need outlive it. */
  readonly timeoutMs: number;
}

/** What the engine does for the prober. */
export interface ProbeSender {
  /**
   * Sends an OPTIONS with `Max-Forwards: 0`, outside of any dialog, and calls `done` with the first thing that
   * happens: a final response (503 = `unavailable`, any other = `answered`) or a failure. More calls, or none, do no harm.
   */
  probe(probe: Probe, done: (outcome: Outcome) => void): void;
}

export interface ProbeSettings {
  readonly intervalSeconds: number;
  /** Far below Timer F, which would need 32 s to notice a dead server. */
  readonly timeoutMs: number;
}

/** What the prober needs of the world. */
export interface ProberWorld {
  /** A monotonic time in ms. */
  readonly clock: () => number;
  /** From 0 up to but not including 1: spreads the probes over the interval. */
  readonly random: () => number;
  /** Calls `act` once, after so many ms; the result ends the wait. */
  readonly after: (ms: number, act: () => void) => () => void;
}

const REAL_WORLD: ProberWorld = {
  clock: () => performance.now(),
  random: Math.random,
  after: (ms, act) => {
    const timer = setTimeout(act, ms).unref();
    return () => clearTimeout(timer);
  },
};

/** Each interval is shortened by up to this share, so that gateways started together do not probe together. */
const JITTER = 0.1;

/** Sends each watched address its probes, and tells health what became of them. */
export class Prober {
  readonly #health: Health;
  readonly #sender: ProbeSender;
  readonly #settings: ProbeSettings;
  readonly #world: ProberWorld;
  /** What ends the wait for the next probe, by address. */
  readonly #watched = new Map<string, () => void>();

  constructor(health: Health, sender: ProbeSender, settings: ProbeSettings, world: ProberWorld = REAL_WORLD) {
    this.#health = health;
    this.#sender = sender;
    this.#settings = settings;
    this.#world = world;
  }

  /** Sets which addresses are probed, in place of those before; those that stay keep their rhythm and their state. */
  watch(targets: readonly Target[]): void {
    const wanted = new Map(targets.map((target) => [addressKey(target), target]));
    this.#health.watch([...wanted.values()]);
    for (const [key, stop] of this.#watched) {
      if (wanted.has(key)) continue;
      stop();
      this.#watched.delete(key);
    }
    for (const [key, target] of wanted) {
      if (!this.#watched.has(key)) this.#schedule(key, target, this.#world.random() * this.#intervalMs);
    }
  }

  /** No probe is sent after this. */
  close(): void {
    this.watch([]);
  }

  #schedule(key: string, target: Target, ms: number): void {
    this.#watched.set(
      key,
      this.#world.after(ms, () => this.#probe(key, target)),
    );
  }

  #probe(key: string, target: Target): void {
    const { clock, random, after } = this.#world;
    const next = this.#intervalMs * (1 - JITTER * random());
    this.#schedule(key, target, next);
    const generation = this.#health.probeStarted(target, clock() + next);
    const { timeoutMs } = this.#settings;
    let over = false;
    const end = (outcome: Outcome): void => {
      if (over) return;
      over = true;
      stopWaiting();
      this.#health.probed(target, generation, outcome, clock());
    };
    const stopWaiting = after(timeoutMs, () => end({ kind: "timeout" }));
    this.#sender.probe({ target, timeoutMs }, end);
  }

  get #intervalMs(): number {
    return this.#settings.intervalSeconds * 1000;
  }
}
