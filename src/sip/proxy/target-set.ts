import type { Flow, Target } from "../flow.ts";
import type { LocateResult } from "../host.ts";
import { type SipUri, uriTransport } from "../uri.ts";
import type { LocatePurpose, ProxyEnvironment } from "./environment.ts";

/** One address to try. */
export interface Candidate {
  readonly target: Target;
  /** The connection to use, where only this one leads to the target; absent = any to that address. */
  readonly flow?: Flow;
  /** UDP whatever the size: asked for by name, or since TCP was refused (§18.1.1). */
  readonly udpOnly?: boolean;
}

/** Who tries the addresses of a target set. */
export interface TargetSetUser {
  /** The next one; undefined when there is none. */
  turnTo(candidate: Candidate | undefined): void;
  /** A URI has no address. @param why for people */
  unlocated(why: string): void;
}

/** The addresses still to be tried, in order (RFC 3261 §16.5): a URI is located when those before it are used up. */
export class TargetSet {
  private readonly environment: ProxyEnvironment;
  private purpose: LocatePurpose;
  private uris: readonly SipUri[];
  private nextUri = 0;
  private candidates: readonly Candidate[];
  private nextCandidate = 0;
  private stopLocating: (() => void) | undefined;

  /** @param first what stands ahead of the URIs */
  constructor(
    environment: ProxyEnvironment,
    purpose: LocatePurpose,
    uris: readonly SipUri[],
    first: readonly Candidate[] = NO_CANDIDATES,
  ) {
    this.environment = environment;
    this.purpose = purpose;
    this.uris = uris;
    this.candidates = first;
  }

  /** True while a next candidate is known, or may yet be found. */
  get hasMore(): boolean {
    return this.nextCandidate < this.candidates.length || this.nextUri < this.uris.length;
  }

  /** True while a name is being looked up. */
  get isLocating(): boolean {
    return this.stopLocating !== undefined;
  }

  /** Tells `user` the next candidate; perhaps before it returns, perhaps later. */
  next(user: TargetSetUser): void {
    for (;;) {
      const candidate = this.candidates[this.nextCandidate++];
      const uri = candidate === undefined ? this.uris[this.nextUri] : undefined;
      if (uri === undefined) {
        user.turnTo(candidate);
        return;
      }
      this.nextUri++;
      let found: LocateResult | undefined;
      let later = false;
      const stop = this.environment.locate(uri, this.purpose, (result) => {
        found = result;
        if (!later) return;
        this.stopLocating = undefined;
        this.take(uri, result, user);
        this.next(user);
      });
      if (found === undefined) {
        later = true;
        this.stopLocating = stop;
        return;
      }
      this.take(uri, found, user);
    }
  }

  /** Ends a look-up under way, which calls nobody any more; what it was for comes next again. */
  stopLookUp(): void {
    if (this.stopLocating === undefined) return;
    this.stopLocating();
    this.stopLocating = undefined;
    this.nextUri--;
  }

  /** Forgets all that is left; a look-up under way calls nobody any more. */
  clear(): void {
    this.stopLocating?.();
    this.stopLocating = undefined;
    this.uris = NO_URIS;
    this.candidates = NO_CANDIDATES;
    this.purpose = NONE;
  }

  /** The candidates before are used up, or nothing would have been located. */
  private take(uri: SipUri, result: LocateResult, user: TargetSetUser): void {
    this.nextCandidate = 0;
    this.candidates = NO_CANDIDATES;
    if (!result.ok) {
      user.unlocated(`${uri.host} has no address: ${result.reason}`);
      return;
    }
    // DEVIATION: §18.1.1 gives way to an operator who names UDP for a pool; in a dialog the URI is the peer's, and it counts.
    const udpOnly = !this.purpose.inDialog && uriTransport(uri) === "udp";
    this.candidates = result.targets.map((target) => ({ target, udpOnly }));
  }
}

const NO_URIS: readonly SipUri[] = [];
const NO_CANDIDATES: readonly Candidate[] = [];

/** In place of a purpose whose Call-ID would keep the whole request in memory. */
const NONE: LocatePurpose = { anyTransport: false, affinity: "", inDialog: false };
