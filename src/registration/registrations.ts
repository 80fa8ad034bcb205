import type { Flow } from "../sip/flow.ts";
import { Registration, type RegistrationSettings, type RegistrationWorld } from "./registration.ts";

/** Addresses that are registered; what asks beyond that is not, and `leftOut` counts it. */
export const MAX_REGISTRATIONS = 10_000;
/** Requests under way at once: a registrar that comes back is not flooded. */
const MAX_BUSY = 20;

/** All the legacy addresses that are kept registered. Pure. */
export class Registrations {
  /** Addresses that asked and found no room. */
  leftOut = 0;
  private settings: RegistrationSettings;
  private readonly world: RegistrationWorld;
  private readonly all = new Map<string, Registration>();
  /** On their way out. */
  private readonly leaving = new Set<Registration>();

  constructor(settings: RegistrationSettings, world: RegistrationWorld) {
    this.settings = settings;
    this.world = world;
  }

  /** In the order in which they were asked for. */
  get list(): readonly Registration[] {
    return [...this.all.values()];
  }

  /** Sets which addresses are to be registered, in place of those before. */
  keep(addresses: Iterable<string>, now: number): void {
    const wanted = new Set<string>();
    this.leftOut = 0;
    for (const address of addresses) {
      if (wanted.size < MAX_REGISTRATIONS) wanted.add(address);
      else this.leftOut++;
    }
    for (const address of [...this.all.keys()]) if (!wanted.has(address)) this.leave(address, now);
    for (const address of wanted) {
      if (!this.all.has(address)) this.all.set(address, this.returning(address, now));
    }
    this.tick(now);
  }

  /** Registers all anew by other settings. */
  use(settings: RegistrationSettings, now: number): void {
    this.settings = settings;
    for (const registration of this.all.values()) registration.use(settings, now);
    this.tick(now);
  }

  /** Tries one address, or all of them, now. @returns how many that are */
  trigger(address: string | undefined, now: number): number {
    const meant = this.list.filter((registration) => address === undefined || registration.address === address);
    for (const registration of meant) registration.trigger(now);
    this.tick(now);
    return meant.length;
  }

  /** Tries those now that wait because of their password: it may be another one by now. */
  passwordChanged(now: number): void {
    for (const registration of this.all.values()) {
      if (registration.trouble?.kind === "credentials") registration.trigger(now);
    }
    this.tick(now);
  }

  /** Unregisters everything. */
  leaveAll(now: number): void {
    for (const address of [...this.all.keys()]) this.leave(address, now);
    this.tick(now);
  }

  /** Those that still have to be unregistered. */
  get left(): number {
    for (const registration of this.leaving) if (registration.over) this.leaving.delete(registration);
    return this.leaving.size;
  }

  /** @returns whether that concerns any of them */
  flowClosed(flow: Flow, now: number): boolean {
    let concerned = false;
    for (const registration of this.all.values()) {
      if (registration.flowClosed(flow, now)) concerned = true;
    }
    return concerned;
  }

  /** Does what is due, as far as there is room. */
  tick(now: number): void {
    let busy = 0;
    for (const each of this.each()) if (each.busy) busy++;
    for (const registration of this.each()) {
      // What is under way and due is overdue: the watchdog ends it.
      if (now < registration.nextAt || (!registration.busy && busy >= MAX_BUSY)) continue;
      const before = registration.busy;
      registration.tick(now);
      busy += Number(registration.busy) - Number(before);
    }
  }

  /** When `tick` is due next; while all the room is taken, that is when something under way ends. */
  get nextDue(): number {
    let next = Number.POSITIVE_INFINITY;
    let busy = 0;
    let nextBusy = Number.POSITIVE_INFINITY;
    for (const registration of this.each()) {
      if (registration.busy) {
        busy++;
        nextBusy = Math.min(nextBusy, registration.nextAt);
      } else next = Math.min(next, registration.nextAt);
    }
    return busy >= MAX_BUSY ? nextBusy : Math.min(next, nextBusy);
  }

  private *each(): Iterable<Registration> {
    yield* this.all.values();
    yield* this.leaving;
  }

  /** The registration of an address that is wanted from now on: the one that is about to leave, or a new one. */
  private returning(address: string, now: number): Registration {
    for (const registration of this.leaving) {
      if (registration.address !== address || registration.over) continue;
      this.leaving.delete(registration);
      registration.stay(this.settings, now);
      return registration;
    }
    return new Registration(address, this.settings, this.world, now);
  }

  private leave(address: string, now: number): void {
    const registration = this.all.get(address)!;
    this.all.delete(address);
    registration.leave(now);
    if (!registration.over) this.leaving.add(registration);
  }
}
