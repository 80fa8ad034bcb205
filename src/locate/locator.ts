import type { Target } from "../sip/flow.ts";
import { DnsRecords } from "./dns.ts";
import type { DnsServer } from "./dns-exchange.ts";
import type { DnsTimes } from "./dns-lookup.ts";
import { seedOf } from "./draw.ts";
import { arrange, onlyTarget } from "./outline.ts";
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

/** Names whose resolved queries are remembered; beyond it all are forgotten and resolved anew from the records. */
const MAX_RESOLVED = 10_000;
/** Queries of one name that differ in port, transport and the like, likewise. */
const MAX_PER_NAME = 20;
/** A longer host name does not exist. */
const MAX_NAME_LENGTH = 255;

interface Remembered {
  readonly query: LocateQuery;
  readonly resolved: Resolved;
}

/** Finds where to send a request (RFC 3263): static hosts, then numeric hosts, then NAPTR, SRV, A and AAAA. */
export class Locator {
  readonly #hosts = new Map<string, LocateResult>();
  readonly #waysOut: readonly WayOut[];
  readonly #clock: () => number;
  readonly #random: () => number;
  readonly #book: RecordBook;
  /** Spares the next request the whole walk while no answer on the way has expired. */
  readonly #resolved = new Map<string, Remembered[]>();

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
    const known = this.#resolved.get(query.host)?.find((remembered) => asksTheSame(remembered.query, query))?.resolved;
    if (known !== undefined && this.#clock() < known.until) return this.#result(query, known);
    const resolution = new Resolution(query, this.#waysOut, this.#book, (late) => {
      this.#remember(query, late);
      done(this.#result(query, late));
    });
    const resolved = resolution.start();
    if (resolved === undefined) return undefined;
    this.#remember(query, resolved);
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
    const only = onlyTarget(outcome);
    if (only !== undefined) return { ok: true, targets: only };
    const seed = affinity === undefined ? Math.floor(this.#random() * 0x1_0000_0000) : seedOf(affinity);
    return { ok: true, targets: arrange(outcome, seed, affinity !== undefined) };
  }

  #remember(query: LocateQuery, resolved: Resolved): void {
    if (this.#clock() >= resolved.until || query.host.length > MAX_NAME_LENGTH) return;
    const others = (this.#resolved.get(query.host) ?? []).filter((remembered) => !asksTheSame(remembered.query, query));
    if (this.#resolved.size >= MAX_RESOLVED || others.length >= MAX_PER_NAME) {
      this.#resolved.clear();
      others.length = 0;
    }
    this.#resolved.set(query.host, [...others, { query: { ...query, affinity: undefined }, resolved }]);
  }
}

/** Whether the two get the same answer, chance apart. */
function asksTheSame(a: LocateQuery, b: LocateQuery): boolean {
  return (
    a.host === b.host &&
    a.port === b.port &&
    a.transport === b.transport &&
    a.secure === b.secure &&
    (a.anyTransport === true) === (b.anyTransport === true)
  );
}

function noTargets(name: string): LocateResult {
  return { ok: false, reason: `resolve.hosts lists no target for ${name}` };
}
