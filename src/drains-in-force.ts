import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import type { Drain } from "./drained-address.ts";
import type { EndpointStore } from "./endpoints/store.ts";

/** How soon a gateway knows that an operator took an address out of service, at the latest. */
const LOOK_EVERY_MS = 2000;
/** How long a start waits to learn it: calls must not wait for a store that is away. */
const FIRST_LOOK_MS = 1000;

/**
 * Keeps a gateway at what operators said of addresses. It is asked of the store again and again, and depends on
 * nothing else: a reload, another table or what is observed of an address changes none of it.
 */
export class DrainsInForce {
  readonly #store: Pick<EndpointStore, "drains">;
  readonly #log: Logger;
  readonly #timer: NodeJS.Timeout;
  #use: (drains: readonly Drain[]) => void = () => undefined;
  #drains: readonly Drain[] = [];
  #looking: Promise<void> | undefined;

  constructor(store: Pick<EndpointStore, "drains">, log: Logger) {
    this.#store = store;
    this.#log = log;
    this.#timer = setInterval(() => void this.look(), LOOK_EVERY_MS).unref();
  }

  /** What is in force now. */
  get list(): readonly Drain[] {
    return this.#drains;
  }

  /** @param use called with the whole list, now and whenever it is another one; in place of the one before */
  use(use: (drains: readonly Drain[]) => void): void {
    this.#use = use;
    use(this.#drains);
  }

  /** Looks once, so that the first call is not sent where it should not go. */
  async start(): Promise<void> {
    await Promise.race([this.look(), sleep(FIRST_LOOK_MS, undefined, { ref: false })]);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#looking;
  }

  look(): Promise<void> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async #look(): Promise<void> {
    let drains: readonly Drain[];
    try {
      drains = await this.#store.drains();
    } catch (error) {
      // What was in force stays so; the health of the store is told elsewhere.
      this.#log.debug({ reason: (error as Error).message }, "the drained addresses are not known anew");
      return;
    }
    if (JSON.stringify(drains) === JSON.stringify(this.#drains)) return;
    const before = new Map(this.#drains.map((drain) => [drain.place, drain]));
    const after = new Set(drains.map(({ place }) => place));
    this.#drains = drains;
    this.#use(drains);
    for (const { place, by, reason } of drains) {
      if (!before.has(place)) this.#log.warn({ place, by, reason }, "an operator drained an address");
    }
    for (const place of before.keys()) {
      if (!after.has(place)) this.#log.warn({ place }, "a drained address is in service again");
    }
  }
}
