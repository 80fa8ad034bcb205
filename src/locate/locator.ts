import type { Target } from "../sip/flow.ts";
import { DnsRecords } from "./dns.ts";
import type { DnsServer } from "./dns-exchange.ts";
import type { DnsTimes } from "./dns-lookup.ts";
import { seedOf } from "./draw.ts";
import { RecordBook, type RecordBookOptions } from "./record-book.ts";
import { canonicalName, type RecordSource } from "./records.ts";
import { Resolution } from "./resolution.ts";
import type { LocateQuery, LocateResult, WayOut } from "./select.ts";

export interface LocatorSetup {
  /** Answers that stand ahead of DNS, by host name: used as they are, whatever port or transport the URI names. */
  readonly hosts: Iterable<readonly [string, readonly Target[]]>;
  /** DNS servers; empty = the system's. */
  readonly servers: readonly DnsServer[];
  /** What we can send with; listeners will do. */
  readonly waysOut: readonly WayOut[];
  /** A monotonic time in ms. */
  readonly clock: () => number;
  /** From 0 up to but not including 1: shares out load by weight (RFC 2782). Default Math.random. */
  readonly random?: () => number;
  readonly limits?: RecordBookOptions;
  readonly dnsTimes?: Partial<DnsTimes>;
  /** Instead of DNS. */
  readonly source?: RecordSource;
}

/** Finds where to send a request (RFC 3263): static hosts, then numeric hosts, then NAPTR, SRV, A and AAAA. */
export class Locator {
  readonly #hosts = new Map<string, LocateResult>();
  readonly #waysOut: readonly WayOut[];
  readonly #random: () => number;
  readonly #book: RecordBook;

  /** @throws WaypostError CONFIG_INVALID for a DNS server that is no IP literal */
  constructor(setup: LocatorSetup) {
    this.#waysOut = setup.waysOut.map(({ transport, family }) => ({ transport, family }));
    for (const [name, targets] of setup.hosts) {
      this.#hosts.set(canonicalName(name), targets.length > 0 ? { ok: true, targets } : noTargets(name));
    }
    this.#random = setup.random ?? Math.random;
    const source = setup.source ?? new DnsRecords(setup.servers, setup.clock, setup.dnsTimes);
    this.#book = new RecordBook(source, setup.clock, setup.limits);
  }

  /**
   * Answers at once when it can (static host, numeric host, remembered name, transport that we do not have);
   * else returns undefined and calls `done` exactly once, later, never from within this call.
   */
  locate(query: LocateQuery, done: (result: LocateResult) => void): LocateResult | undefined {
    const listed = this.#hosts.get(canonicalName(query.host));
    if (listed !== undefined) return listed;
    const seed = query.affinity === undefined ? Math.floor(this.#random() * 0x1_0000_0000) : seedOf(query.affinity);
    return new Resolution(query, this.#waysOut, this.#book, seed, done).start();
  }

  /** Ends look-ups; who still waits is answered with that reason. */
  close(): void {
    this.#book.close();
  }
}

function noTargets(name: string): LocateResult {
  return { ok: false, reason: `resolve.hosts lists no target for ${name}` };
}
