import type { RequestFinished } from "../sip/event.ts";
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

/** Somebody who used a legacy address. */
export interface Caller {
  readonly endpoint: string;
  /** The URI in From. */
  readonly caller: string;
  requests: number;
  /** ms since 1970. */
  readonly firstAt: number;
  lastAt: number;
  lastStatus: number;
  /** The method of the last request. */
  lastMethod: string;
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

/** A caller in the order in which they were heard last: a list in a ring, so that none of its moves costs a search. */
interface Place {
  caller: Caller | undefined;
  /** In the map. */
  readonly key: string;
  /** Heard before, and after, this one. */
  before: Place;
  after: Place;
}

/** The longest From that is kept; what is longer counts under its beginning. */
const LONGEST_CALLER = 200;

/** Who still uses a legacy address, how often and when last. In memory, since the start; bounded. */
export class Usage {
  /** What went to addresses beyond the limit. */
  readonly others: EndpointUse = { answered: 0, failed: 0, lastAt: 0 };
  /** Callers that were forgotten at the limit. */
  forgottenCallers = 0;
  readonly #limits: UsageLimits;
  readonly #clock: () => number;
  readonly #uses = new Map<string, EndpointUse>();
  /**
   * By endpoint and caller. The order of a Map is of no use here: to find its first entry takes a walk over all those
   * that were deleted before it, thousands where each call forgets somebody.
   */
  readonly #callers = new Map<string, Place>();
  /** After it comes who was silent longest, before it who was heard last. */
  readonly #ends: Place;

  /** @param clock ms since 1970 */
  constructor(taps: Taps, limits: UsageLimits, clock: () => number = Date.now) {
    this.#limits = limits;
    this.#clock = clock;
    const ends = { caller: undefined, key: "" } as Place;
    ends.before = ends.after = ends;
    this.#ends = ends;
    taps.on("request", (event) => this.#take(event));
  }

  /** By legacy address, those that were asked for. */
  get uses(): ReadonlyMap<string, EndpointUse> {
    return this.#uses;
  }

  /** Forgets the counts of addresses that are in the table no more, so that others have room. */
  keepOnly(isEndpoint: (sipAddress: string) => boolean): void {
    for (const address of this.#uses.keys()) if (!isEndpoint(address)) this.#uses.delete(address);
  }

  /** The callers of one address, or of all; who called last comes first. @param endpoint as its row writes it */
  callers(endpoint?: string): readonly Caller[] {
    const found: Caller[] = [];
    for (let place = this.#ends.before; place.caller !== undefined; place = place.before) {
      if (endpoint === undefined || place.caller.endpoint === endpoint) found.push(place.caller);
    }
    return found;
  }

  #take(event: RequestFinished): void {
    const { endpoint, status } = event;
    if (endpoint === undefined) return;
    const now = this.#clock();
    const use = this.#useOf(endpoint);
    if (status >= 200 && status < 400) use.answered++;
    else use.failed++;
    use.lastAt = now;
    if (this.#limits.callers > 0) this.#noteCaller(endpoint, event, now);
  }

  #useOf(endpoint: string): EndpointUse {
    const known = this.#uses.get(endpoint);
    if (known !== undefined) return known;
    if (this.#uses.size >= this.#limits.endpoints) return this.others;
    const use = { answered: 0, failed: 0, lastAt: 0 };
    this.#uses.set(endpoint, use);
    return use;
  }

  #noteCaller(endpoint: string, { from, status, method }: RequestFinished, now: number): void {
    const caller = uriOf(from);
    const key = `${endpoint}\n${caller}`;
    let place = this.#callers.get(key);
    if (place === undefined) {
      if (this.#callers.size >= this.#limits.callers) this.#forgetOne();
      const first = {
        endpoint,
        caller,
        requests: 0,
        firstAt: now,
        lastAt: now,
        lastStatus: status,
        lastMethod: method,
      };
      place = { caller: first, key } as Place;
      this.#callers.set(key, place);
    } else unlink(place);
    this.#linkAsLast(place);
    const known = place.caller!;
    known.requests++;
    known.lastAt = now;
    known.lastStatus = status;
    known.lastMethod = method;
  }

  #linkAsLast(place: Place): void {
    const ends = this.#ends;
    place.before = ends.before;
    place.after = ends;
    ends.before.after = place;
    ends.before = place;
  }

  #forgetOne(): void {
    const silent = this.#ends.after;
    unlink(silent);
    this.#callers.delete(silent.key);
    this.forgottenCallers++;
  }
}

function unlink(place: Place): void {
  place.before.after = place.after;
  place.after.before = place.before;
}

/** The URI of a From value, without display name, brackets and header parameters. */
function uriOf(from: string): string {
  const open = from.indexOf("<");
  const close = from.indexOf(">", open);
  const uri = open >= 0 && close > open ? from.slice(open + 1, close) : from.split(";", 1)[0]!.trim();
  return uri.slice(0, LONGEST_CALLER);
}
