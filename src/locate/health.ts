import { type Drain, parseDrainedPlace } from "../drained-address.ts";
import type { Target } from "../sip/flow.ts";
import {
  addressKey,
  DEFAULT_SETTINGS,
  type DrainInForce,
  type Entry,
  type Failure,
  type HealthSettings,
  type ObservedState,
  type Outcome,
  observedState,
} from "./health-state.ts";
import { explainAddress } from "./health-text.ts";
import type { LocateResult } from "./select.ts";

/** One line of `describe`. */
export interface AddressReport {
  readonly target: Target;
  readonly observed: ObservedState;
  readonly admin: "up" | "drained";
  /** The whole of it in one sentence, with name and address. */
  readonly sentence: string;
}

/** Addresses remembered; beyond it the one known longest is forgotten, if nothing is wrong with it and nobody probes it. */
export const MAX_ADDRESSES = 10_000;
const NEVER = Number.NEGATIVE_INFINITY;

/**
 * What is known of each resolved address (never of a name): requests report what became of them, probes do, and an
 * operator may drain an address. It only orders: an address in trouble is tried last, not never. Pure; `now` is a
 * monotonic time in ms.
 */
export class Health {
  #settings: HealthSettings;
  readonly #entries = new Map<string, Entry>();
  /** Kept apart from what was observed: nothing but an operator changes it. */
  #drained: readonly DrainInForce[] = [];
  readonly #suspect = new Set<Entry>();
  /** What was asked for last: most calls go to one pool. */
  #recent: Entry | undefined;

  constructor(settings: Partial<HealthSettings> = {}) {
    this.#settings = { ...DEFAULT_SETTINGS, ...settings };
  }

  /** How many addresses are remembered. */
  get size(): number {
    return this.#entries.size;
  }

  /** Takes new settings. What was observed and what an operator said stays. */
  configure(settings: Partial<HealthSettings>): void {
    this.#settings = { ...DEFAULT_SETTINGS, ...settings };
  }

  /**
   * The targets in the order in which to try them: those in trouble last, those drained not at all. Of a request inside
   * a dialog (`inDialog`) drained ones are kept: the dialog lives there.
   */
  order(targets: readonly Target[], now: number, inDialog = false): readonly Target[] {
    if (this.#suspect.size === 0 && this.#drained.length === 0) return targets;
    const good: Target[] = [];
    const bad: Target[] = [];
    for (const target of targets) {
      const key = addressKey(target);
      if (!inDialog && this.#drainOf(target) !== undefined) continue;
      const entry = this.#entries.get(key);
      const state = entry === undefined ? "up" : observedState(entry, now);
      (state === "up" || state === "due" ? good : bad).push(target);
    }
    const first = good[0] === undefined ? undefined : this.#entries.get(addressKey(good[0]));
    // One request finds out; the others go on to where it works until it has.
    if (first?.trouble !== undefined) first.trouble.trialUntil = now + this.#settings.trialMs;
    return [...good, ...bad];
  }

  /** The same for what the locator found; a reason when every address is drained. */
  apply(result: LocateResult, now: number, inDialog = false): LocateResult {
    if (!result.ok) return result;
    const targets = this.order(result.targets, now, inDialog);
    if (targets.length > 0) return targets === result.targets ? result : { ok: true, targets };
    return { ok: false, reason: `every address of ${result.targets[0]!.host} was drained by an operator` };
  }

  /**
   * What became of a request: its first response if that came in time, or its failure. A response that came too late
   * to be of use is not reported, nor is a request that was answered provisionally and then never finally.
   * @param startedAt when it was sent; one that stayed silent says nothing about what was answered after it
   */
  report(target: Target, outcome: Outcome, now: number, startedAt: number = now): void {
    const entry = this.#entry(target);
    if (outcome.kind === "answered") this.#answered(entry, now, startedAt);
    else if (outcome.kind !== "timeout" || startedAt >= (entry.answeredAt ?? NEVER)) {
      this.#failed(entry, outcome, now, startedAt);
    }
  }

  /** Sets which addresses are probed, in place of those before. The thresholds of the settings count for these alone. */
  watch(targets: readonly Target[]): void {
    const watched = new Map(targets.map((target) => [addressKey(target), target]));
    for (const [key, entry] of this.#entries) {
      if (entry.probe === undefined || watched.has(key)) continue;
      entry.probe = undefined;
      this.#changed(entry);
    }
    for (const target of watched.values()) {
      const entry = this.#entry(target);
      entry.probe ??= {
        failuresInRow: 0,
        answersInRow: 0,
        lastFailure: undefined,
        downSince: undefined,
        answeredAt: undefined,
        nextAt: undefined,
      };
    }
  }

  /**
   * A probe is about to be sent.
   * @param nextAt when the one after it is due, for people
   * @returns the generation that its result has to carry
   */
  probeStarted(target: Target, nextAt: number): number {
    const entry = this.#entry(target);
    if (entry.probe !== undefined) entry.probe.nextAt = nextAt;
    return ++entry.generation;
  }

  /** What became of a probe; false when it came too late to count. */
  probed(target: Target, generation: number, outcome: Outcome, now: number): boolean {
    const entry = this.#entries.get(addressKey(target));
    if (entry?.probe === undefined || entry.generation !== generation) return false;
    entry.generation++;
    if (outcome.kind === "answered") {
      entry.probe.answeredAt = now;
      this.#countAnswer(entry);
    } else this.#countFailure(entry, outcome, now);
    return true;
  }

  /**
   * Sets what operators said, in place of what they said before: the addresses that get no new dialogs.
   * @param now on the clock of all the others. @param wallNow the same moment, ms since 1970
   */
  setDrains(drains: readonly Drain[], now: number, wallNow: number): void {
    this.#drained = drains.flatMap((drain) => {
      const place = parseDrainedPlace(drain.place);
      const since = now - Math.max(0, wallNow - Date.parse(drain.at));
      return place === undefined ? [] : [{ place, by: drain.by, reason: drain.reason, since }];
    });
  }

  /** Every address known, by name and address. */
  describe(now: number): readonly AddressReport[] {
    const reports = [...this.#entries.values()].map((entry): AddressReport => {
      const { target } = entry;
      const drain = this.#drainOf(target);
      const sentence = explainAddress(target, entry, drain, this.#settings, now);
      const admin = drain === undefined ? "up" : "drained";
      return { target, observed: observedState(entry, now), admin, sentence };
    });
    const order = ({ target }: AddressReport): string => `${target.host} ${addressKey(target)}`;
    return reports.sort((a, b) => (order(a) < order(b) ? -1 : 1));
  }

  #drainOf({ transport, address, port }: Target): DrainInForce | undefined {
    return this.#drained.find(
      ({ place }) =>
        place.address === address &&
        (place.port === undefined || place.port === port) &&
        (place.transport === undefined || place.transport === transport),
    );
  }

  #answered(entry: Entry, now: number, startedAt: number): void {
    entry.answeredAt = now;
    const { trouble } = entry;
    // An answer to a request from before the hold tells nothing new, and a server that asked for a rest still answers
    // the dialogs it has.
    const isNews = trouble !== undefined && startedAt >= trouble.heldSince;
    if (isNews && (trouble.last.kind !== "unavailable" || now >= trouble.heldUntil)) {
      entry.trouble = undefined;
      this.#changed(entry);
    }
    this.#countAnswer(entry);
  }

  #failed(entry: Entry, failure: Failure, now: number, startedAt: number): void {
    const trouble = (entry.trouble ??= {
      since: now,
      failures: 0,
      mixed: false,
      last: failure,
      holds: 0,
      heldSince: NEVER,
      heldUntil: NEVER,
      trialUntil: NEVER,
    });
    trouble.failures++;
    trouble.mixed ||= trouble.last.kind !== failure.kind;
    trouble.last = failure;
    if (now < trouble.heldUntil) {
      if (failure.kind === "unavailable") {
        trouble.heldUntil = Math.max(trouble.heldUntil, now + this.#holdFor(failure, trouble.holds));
      }
      return;
    }
    // Silence that began before the last hold says nothing about the time since.
    if (failure.kind === "timeout" && startedAt < trouble.heldSince) return;
    trouble.holds++;
    trouble.heldSince = now;
    trouble.heldUntil = now + this.#holdFor(failure, trouble.holds);
    trouble.trialUntil = NEVER;
    this.#changed(entry);
    this.#countFailure(entry, failure, now);
  }

  #holdFor(failure: Failure, holds: number): number {
    const { holdMs, maxHoldMs, maxRetryAfterMs } = this.#settings;
    if (failure.kind === "unavailable" && failure.retryAfterSeconds !== undefined) {
      return Math.max(holdMs, Math.min(failure.retryAfterSeconds * 1000, maxRetryAfterMs));
    }
    return Math.min(holdMs * 2 ** Math.min(holds - 1, 30), maxHoldMs);
  }

  #countAnswer(entry: Entry): void {
    const { probe } = entry;
    if (probe === undefined) return;
    probe.failuresInRow = 0;
    probe.answersInRow++;
    if (probe.downSince === undefined || probe.answersInRow < this.#settings.upAfter) return;
    probe.downSince = undefined;
    entry.trouble = undefined;
    this.#changed(entry);
  }

  #countFailure(entry: Entry, failure: Failure, now: number): void {
    const { probe } = entry;
    if (probe === undefined) return;
    probe.answersInRow = 0;
    probe.failuresInRow++;
    probe.lastFailure = failure;
    if (probe.downSince !== undefined || probe.failuresInRow < this.#settings.downAfter) return;
    probe.downSince = now;
    this.#changed(entry);
  }

  #changed(entry: Entry): void {
    entry.generation++;
    if (entry.trouble === undefined && entry.probe?.downSince === undefined) this.#suspect.delete(entry);
    else this.#suspect.add(entry);
  }

  #entry(target: Target): Entry {
    let entry = this.#recent;
    if (entry === undefined || !isSameAddress(entry.target, target)) {
      entry = this.#entries.get(addressKey(target)) ?? this.#add(target);
      this.#recent = entry;
    }
    entry.target = target;
    return entry;
  }

  #add(target: Target): Entry {
    if (this.#entries.size >= MAX_ADDRESSES) this.#forgetOne();
    const entry: Entry = { target, generation: 0, answeredAt: undefined, trouble: undefined, probe: undefined };
    this.#entries.set(addressKey(target), entry);
    return entry;
  }

  #forgetOne(): void {
    this.#recent = undefined;
    let oldest: string | undefined;
    for (const [key, entry] of this.#entries) {
      oldest ??= key;
      if (entry.probe !== undefined || this.#suspect.has(entry)) continue;
      this.#entries.delete(key);
      return;
    }
    if (oldest === undefined) return;
    this.#suspect.delete(this.#entries.get(oldest)!);
    this.#entries.delete(oldest);
  }
}

function isSameAddress(one: Target, other: Target): boolean {
  return one.port === other.port && one.address === other.address && one.transport === other.transport;
}
