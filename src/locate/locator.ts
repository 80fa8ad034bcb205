import type { Target } from "../sip/flow.ts";
import { DnsRecords } from "./dns.ts";
import type { DnsServer } from "./dns-exchange.ts";
import type { DnsTimes } from "./dns-lookup.ts";
import { seedOf } from "./draw.ts";
import { arrange } from "./outline.ts";
import { RecordBook, type RecordBookOptions } from "./record-book.ts";
import { canonicalName, type RecordSource } from "./records.ts";
import { Resolution, type Resolved } from "./resolution.ts";
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

/** Resolved queries remembered; beyond it all are forgotten and resolved anew from the records. */
const MAX_RESOLVED = 10_000;
/** A longer host name does not exist. */
const MAX_KEY_LENGTH = 300;

/** Finds where to send a request (RFC 3263): static hosts, then numeric hosts, then NAPTR, SRV, A and AAAA. */
export class Locator {
  readonly #hosts = new Map<string, LocateResult>();
  readonly #waysOut: readonly WayOut[];
  readonly #clock: () => number;
  readonly #random: () => number;
  readonly #book: RecordBook;
  /** Spares the next request the whole walk while no answer on the way has expired. */
  readonly #resolved = new Map<string, Resolved>();

  /** @throws WaypostError CONFIG_INVALID for a DNS server that is no IP literal */
  constructor(setup: LocatorSetup) {
    this.#waysOut = setup.waysOut.map(({ transport, family }) => ({ transport, family }));
    for (const [name, targets] of setup.hosts) {
      this.#hosts.set(canonicalName(name), targets.length > 0 ? { ok: true, targets } : noTargets(name));
    }
    this.#clock = setup.clock;
    this.#random = setup.random ?? Math.random;
    const source = setup.source ?? new DnsRecords(setup.servers, setup.clock, setup.dnsTimes);
    this.#book = new RecordBook(source, setup.clock, setup.limits);
  }

  /**
   * Answers at once when it can (static host, numeric host, remembered name, transport that we do not have);
   * else returns undefined and calls `done` exactly once, later, never from within this call.
   */
  locate(query: LocateQuery, done: (result: LocateResult) => void): LocateResult | undefined {
    const listed = this.#hosts.size === 0 ? undefined : this.#hosts.get(canonicalName(query.host));
    if (listed !== undefined) return listed;
    const key = `${query.host} ${query.port} ${query.transport} ${query.secure} ${query.anyTransport === true}`;
    const known = this.#resolved.get(key);
    if (known !== undefined && this.#clock() < known.until) return this.#result(query, known);
    const resolution = new Resolution(query, this.#waysOut, this.#book, (late) => {
      this.#remember(key, late);
      done(this.#result(query, late));
    });
    const resolved = resolution.start();
    if (resolved === undefined) return undefined;
    this.#remember(key, resolved);
    return this.#result(query, resolved);
  }

  /** How many answers of DNS are remembered, how many may be, and how many are asked for. */
  get records(): { readonly known: number; readonly bound: number; readonly asked: number } {
    return this.#book.counts;
  }

  /** Ends look-ups; who still waits is answered with that reason. */
  close(): void {
    this.#book.close();
    this.#resolved.clear();
  }

  #result({ affinity }: LocateQuery, { outcome }: Resolved): LocateResult {
    if (!outcome.ok) return outcome;
    const seed = affinity === undefined ? Math.floor(this.#random() * 0x1_0000_0000) : seedOf(affinity);
    return { ok: true, targets: arrange(outcome, seed, affinity !== undefined) };
  }

  #remember(key: string, resolved: Resolved): void {
    if (this.#clock() >= resolved.until || key.length > MAX_KEY_LENGTH) return;
    if (this.#resolved.size >= MAX_RESOLVED) this.#resolved.clear();
    this.#resolved.set(key, resolved);
  }
}

function noTargets(name: string): LocateResult {
  return { ok: false, reason: `resolve.hosts lists no target for ${name}` };
}
