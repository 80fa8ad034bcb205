import { randomBytes } from "node:crypto";
import { HashIndex, textHash } from "../hash-index.ts";
import type { RequestFinished } from "../sip/event.ts";
import { type Caller, Callers } from "./callers.ts";
import type { Taps } from "./channels.ts";

/** What one legacy address was asked for since the gateway started. */
export interface EndpointUse {
  /** Requests outside of dialogs that led to an answer of class 2xx or 3xx. */
  answered: number;
  /** Those that were refused, or never answered. */
  failed: number;
  /** ms since 1970; 0 = never. */
  lastAt: number;
}

/** What is known of the callers of one address, or of all; who called last comes first. */
export interface CallerReport {
  readonly callers: readonly Caller[];
  /** How many were forgotten at the limit. */
  readonly forgotten: number;
}

/** What several processes know, as one. */
export function mergeCallers(reports: readonly CallerReport[]): CallerReport {
  const merged = new Map<string, Caller>();
  let forgotten = 0;
  for (const report of reports) {
    forgotten += report.forgotten;
    for (const caller of report.callers) {
      const key = `${caller.endpoint}\n${caller.caller}`;
      const known = merged.get(key);
      const [later, earlier] = known !== undefined && known.lastAt > caller.lastAt ? [known, caller] : [caller, known];
      const requests = caller.requests + (known?.requests ?? 0);
      merged.set(key, { ...later, requests, firstAt: Math.min(later.firstAt, earlier?.firstAt ?? later.firstAt) });
    }
  }
  return { callers: [...merged.values()].sort((a, b) => b.lastAt - a.lastAt), forgotten };
}

export interface UsageLimits {
  /** Legacy addresses that are counted one by one; what goes to further ones is counted together. */
  readonly endpoints: number;
  /** Callers remembered; beyond it the one that was silent longest is forgotten. */
  readonly callers: number;
}

/** The longest From that is kept; what is longer counts under its beginning. */
const LONGEST_CALLER = 200;

/** Who still uses a legacy address, how often and when last. In memory, since the start; bounded. */
export class Usage {
  /** What went to addresses beyond the limit. */
  readonly others: EndpointUse = { answered: 0, failed: 0, lastAt: 0 };
  readonly #limits: UsageLimits;
  readonly #clock: () => number;
  /** So that nobody foresees which texts have one hash. */
  readonly #seed = randomBytes(4).readUInt32LE();
  /** Each address that is counted by itself has the number of its place in `#known`, from 1. */
  #index = new HashIndex();
  #known: { readonly endpoint: string; readonly use: EndpointUse }[] = [];
  readonly #callers: Callers;
  /** The address that was asked for last. */
  #last: { readonly endpoint: string; readonly hash: number; readonly use: EndpointUse } | undefined;

  /** @param clock ms since 1970 */
  constructor(taps: Taps, limits: UsageLimits, clock: () => number = Date.now) {
    this.#limits = limits;
    this.#clock = clock;
    this.#callers = new Callers(limits.callers);
    taps.on("request", (event) => this.#take(event));
  }

  /** Callers that were forgotten at the limit. */
  get forgottenCallers(): number {
    return this.#callers.forgotten;
  }

  /** By legacy address, those that were asked for. */
  uses(): ReadonlyMap<string, EndpointUse> {
    return new Map(this.#known.map(({ endpoint, use }) => [endpoint, use]));
  }

  /** Forgets the counts of addresses that are in the table no more, so that others have room. */
  keepOnly(isEndpoint: (sipAddress: string) => boolean): void {
    const kept = this.#known.filter(({ endpoint }) => isEndpoint(endpoint));
    if (kept.length === this.#known.length) return;
    this.#last = undefined;
    this.#index = new HashIndex();
    this.#known = kept;
    for (const [i, { endpoint }] of kept.entries()) this.#index.add(textHash(endpoint, this.#seed), i + 1);
  }

  /** The callers of one address, or of all; who called last comes first. @param endpoint as its row writes it */
  callers(endpoint?: string): readonly Caller[] {
    return [...this.#callers].filter((caller) => endpoint === undefined || caller.endpoint === endpoint);
  }

  #take(event: RequestFinished): void {
    const { endpoint, status, method } = event;
    if (endpoint === undefined) return;
    const now = this.#clock();
    // Mostly it is the same one as the last time.
    if (endpoint !== this.#last?.endpoint) {
      const hash = textHash(endpoint, this.#seed);
      this.#last = { endpoint, hash, use: this.#useOf(endpoint, hash) };
    }
    const { hash, use } = this.#last;
    if (status >= 200 && status < 400) use.answered++;
    else use.failed++;
    use.lastAt = now;
    if (this.#limits.callers > 0) this.#callers.note(endpoint, hash, uriOf(event.from), status, method, now);
  }

  /** Found by the hash that its callers are found by as well: a Map would make another one of the whole text. */
  #useOf(endpoint: string, hash: number): EndpointUse {
    const index = this.#index;
    for (let slot = index.first(hash); slot >= 0; slot = index.next(slot, hash)) {
      const known = this.#known[index.placeAt(slot) - 1]!;
      if (known.endpoint === endpoint) return known.use;
    }
    if (this.#known.length >= this.#limits.endpoints) return this.others;
    const use = { answered: 0, failed: 0, lastAt: 0 };
    index.add(hash, this.#known.push({ endpoint, use }));
    return use;
  }
}

/** The URI of a From value, without display name, brackets and header parameters. */
function uriOf(from: string): string {
  const open = from.indexOf("<");
  const close = from.indexOf(">", open);
  const uri = open >= 0 && close > open ? from.slice(open + 1, close) : from.split(";", 1)[0]!.trim();
  return uri.slice(0, LONGEST_CALLER);
}
