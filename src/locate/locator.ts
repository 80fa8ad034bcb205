import type { Target } from "../sip/flow.ts";
import { AddressBook, type AddressBookOptions } from "./address-book.ts";
import { type AddressAnswer, type AddressSource, DnsAddresses, type DnsServer } from "./dns.ts";
import {
  type AddressPlan,
  canonicalName,
  type LocateQuery,
  type LocateResult,
  plan,
  reachable,
  type WayOut,
} from "./select.ts";

export interface LocatorSetup {
  /** Answers that stand ahead of DNS, by host name: used as they are, whatever port or transport the URI names. */
  readonly hosts: Iterable<readonly [string, readonly Target[]]>;
  /** DNS servers; empty = the system's. */
  readonly servers: readonly DnsServer[];
  /** What we can send with; listeners will do. */
  readonly waysOut: readonly WayOut[];
  /** A monotonic time in ms. */
  readonly clock: () => number;
  readonly limits?: AddressBookOptions;
  /** Instead of DNS. */
  readonly source?: AddressSource;
}

/** Finds where to send a request (RFC 3263): static hosts, then numeric hosts, then A and AAAA. */
export class Locator {
  readonly #hosts = new Map<string, LocateResult>();
  readonly #waysOut: readonly WayOut[];
  readonly #book: AddressBook;

  /** @throws WaypostError CONFIG_INVALID for a DNS server that is no IP literal */
  constructor(setup: LocatorSetup) {
    this.#waysOut = setup.waysOut.map(({ transport, family }) => ({ transport, family }));
    for (const [name, targets] of setup.hosts) {
      this.#hosts.set(canonicalName(name), targets.length > 0 ? { ok: true, targets } : noTargets(name));
    }
    const families = new Set(this.#waysOut.map((way) => way.family));
    const source = setup.source ?? new DnsAddresses(setup.servers, [...families]);
    this.#book = new AddressBook(source, setup.clock, setup.limits);
  }

  /**
   * Answers at once when it can (static host, numeric host, remembered name, transport that we do not have);
   * else returns undefined and calls `done` exactly once, later, never from within this call.
   */
  locate(query: LocateQuery, done: (result: LocateResult) => void): LocateResult | undefined {
    const listed = this.#hosts.get(canonicalName(query.host));
    if (listed !== undefined) return listed;
    const planned = plan(query, this.#waysOut);
    if ("ok" in planned) return planned;
    // RFC 6761 §6.3: this name never goes to DNS.
    if (planned.name === "localhost") return reachable(["127.0.0.1", "::1"], planned, this.#waysOut);
    const known = this.#book.find(planned.name, (answer) => done(this.#result(planned, answer)));
    return known === undefined ? undefined : this.#result(planned, known);
  }

  /** Ends lookups; who still waits is answered with that reason. */
  close(): void {
    this.#book.close();
  }

  #result(planned: AddressPlan, answer: AddressAnswer): LocateResult {
    return answer.ok ? reachable(answer.addresses, planned, this.#waysOut) : answer;
  }
}

function noTargets(name: string): LocateResult {
  return { ok: false, reason: `resolve.hosts lists no target for ${name}` };
}
