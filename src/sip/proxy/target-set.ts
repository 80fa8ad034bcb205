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

/** The addresses still to be tried, in order (RFC 3261 §16.5): a URI is located when those before it are used up. */
export class TargetSet {
  private readonly environment: ProxyEnvironment;
  private purpose: LocatePurpose;
  private readonly uris: SipUri[];
  private readonly candidates: Candidate[];
  private stopLocating: (() => void) | undefined;
  /** What is being looked up. */
  private located: SipUri | undefined;

  /** @param uris and what stands ahead of them, `first`; both lists are its own from now on */
  constructor(environment: ProxyEnvironment, purpose: LocatePurpose, uris: SipUri[], first: Candidate[] = []) {
    this.environment = environment;
    this.purpose = purpose;
    this.uris = uris;
    this.candidates = first;
  }

  /** True while a next candidate is known, or may yet be found. */
  get hasMore(): boolean {
    return this.candidates.length > 0 || this.uris.length > 0;
  }

  /** True while a name is being looked up. */
  get isLocating(): boolean {
    return this.stopLocating !== undefined;
  }

  /**
   * Calls `take` with the next candidate, or with undefined when there is none; perhaps before it returns, perhaps
   * later. `unreachable` is told of each URI that has no address.
   */
  next(take: (candidate: Candidate | undefined) => void, unreachable: (why: string) => void): void {
    for (;;) {
      const candidate = this.candidates.shift();
      const uri = candidate === undefined ? this.uris.shift() : undefined;
      if (uri === undefined) {
        take(candidate);
        return;
      }
      let found: LocateResult | undefined;
      let later = false;
      const stop = this.environment.locate(uri, this.purpose, (result) => {
        found = result;
        if (!later) return;
        this.stopLocating = undefined;
        this.add(uri, result, unreachable);
        this.next(take, unreachable);
      });
      if (found === undefined) {
        later = true;
        this.stopLocating = stop;
        this.located = uri;
        return;
      }
      this.add(uri, found, unreachable);
    }
  }

  /** Ends a look-up under way, which calls nobody any more; what it was for comes next again. */
  stopLookUp(): void {
    if (this.stopLocating === undefined) return;
    this.stopLocating();
    this.stopLocating = undefined;
    this.uris.unshift(this.located!);
  }

  /** Forgets all that is left; a look-up under way calls nobody any more. */
  clear(): void {
    this.stopLocating?.();
    this.stopLocating = undefined;
    // An array that is empty already is emptied by a call into V8's runtime all the same.
    if (this.uris.length > 0) this.uris.length = 0;
    if (this.candidates.length > 0) this.candidates.length = 0;
    this.purpose = NONE;
  }

  private add(uri: SipUri, result: LocateResult, unreachable: (why: string) => void): void {
    // DEVIATION: §18.1.1 gives way to an operator who names UDP for a pool; in a dialog the URI is the peer's, and it counts.
    const udpOnly = !this.purpose.inDialog && uriTransport(uri) === "udp";
    if (result.ok) for (const target of result.targets) this.candidates.push({ target, udpOnly });
    else unreachable(`${uri.host} has no address: ${result.reason}`);
  }
}

/** In place of a purpose whose Call-ID would keep the whole request in memory. */
const NONE: LocatePurpose = { anyTransport: false, affinity: "", inDialog: false };
