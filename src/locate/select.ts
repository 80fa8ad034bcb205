import { canonicalAddress, zoneOf } from "../address.ts";
import { familyOf, type Listener, type Target, type TransportName } from "../sip/flow.ts";
import { addressesOf, addressQuestions, explainMissing } from "./addresses.ts";
import type { Outline, OutlineServer } from "./outline.ts";
import { type Answer, canonicalName, isDnsName, type Question, type RecordType, type SrvRecord } from "./records.ts";
import { DEFAULT_PORT, naptrSteps, SECURED, type ServiceTransport, SRV_SERVICES } from "./service.ts";

/** What of a SIP URI decides where a request goes (RFC 3263 §4). */
export interface LocateQuery {
  /** `maddr` or host of the URI: a name or an IP literal, with or without brackets. */
  readonly host: string;
  readonly port?: number | undefined;
  /** The URI's `transport` parameter; one we never heard of makes the URI unreachable. */
  readonly transport?: TransportName | undefined;
  /** True for a `sips:` URI. */
  readonly secure: boolean;
  /**
   * True where the absence of a transport means that it is left to us, as in a row of `transport: auto`: without SRV
   * records every transport we have is tried, the safest first. Otherwise it means UDP (RFC 3263 §4.1).
   */
  readonly anyTransport?: boolean | undefined;
  /**
   * Requests of the same affinity, such as a Call-ID, get the same order, on every gateway. Different ones are spread
   * over a name's addresses, which otherwise keep the order in which DNS gave them.
   */
  readonly affinity?: string | undefined;
}

/** Where to try, in order, or why nowhere, as a sentence for people. `targets` is never empty. */
export type LocateResult =
  | { readonly ok: true; readonly targets: readonly Target[] }
  | { readonly ok: false; readonly reason: string };

/** A way out: what a listener can send. */
export type WayOut = Pick<Listener, "transport" | "family">;

/** What has to be known first. */
export interface Need {
  /** What to ask now, if that was not done yet. */
  readonly ask: readonly Question[];
  /** Those without whose answers it does not go on. */
  readonly missing: readonly Question[];
  /** How long to wait before `missing` counts as failed, in ms; Infinity = as long as DNS takes. */
  readonly patienceMs: number;
}

/** Why there is nothing to try, as a sentence for people. */
export interface Unreachable {
  readonly ok: false;
  readonly reason: string;
}

type Step = Outline | Unreachable | Need;

/** What is known so far; undefined = not yet. */
export type Known = <T extends RecordType>(question: Question<T>) => Answer<T> | undefined;

/** Once DNS has told anything, records that it may not know of are awaited this much longer: some servers drop the question. */
const SERVICE_PATIENCE_MS = 1500;
/** Once an address is known, the others are awaited this much longer; some servers never answer for AAAA (RFC 8305 §3). */
const ADDRESS_PATIENCE_MS = 300;
const SAFEST_FIRST: readonly ServiceTransport[] = ["tls", "tcp", "udp"];
/** With a port that is not TLS's own, TLS is the last to be tried: it would wait for a handshake in vain. */
const PLAIN_FIRST: readonly ServiceTransport[] = ["tcp", "udp", "tls"];
/** RFC 3263 §4.1: UDP; what is left when we have no UDP. */
const STANDARD: readonly ServiceTransport[] = ["udp", "tcp", "tls"];

interface Hop {
  readonly transport: TransportName;
  readonly port: number;
}

/** One step of RFC 3263 §4: the result, or what to ask DNS before the next step. Pure. */
export function select(query: LocateQuery, waysOut: readonly WayOut[], known: Known): Step {
  return new Selection(query, waysOut, known).run();
}

class Selection {
  readonly #query: LocateQuery;
  readonly #waysOut: readonly WayOut[];
  readonly #known: Known;
  readonly #name: string;

  constructor(query: LocateQuery, waysOut: readonly WayOut[], known: Known) {
    this.#query = query;
    this.#waysOut = waysOut;
    this.#known = known;
    this.#name = canonicalName(query.host);
  }

  run(): Step {
    const { host, port, transport, secure } = this.#query;
    const wanted = this.#transports();
    if (wanted.length === 0) {
      const over = transport ?? (secure ? "tls" : "udp, tcp or tls");
      const scheme = secure ? "sips:" : "sip:";
      return { ok: false, reason: `no listener for ${scheme} over ${over}, so ${host} cannot be reached` };
    }
    const hops = wanted.map((each) => ({ transport: each, port: port ?? DEFAULT_PORT[each] }));
    const literal = canonicalAddress(host);
    if (literal !== undefined) return this.#reach(literal, [literal], hops, zoneOf(host));
    // RFC 6761 §6.3: this name never goes to DNS.
    if (this.#name === "localhost") return this.#reach(this.#name, ["127.0.0.1", "::1"], hops);
    if (!isDnsName(this.#name)) return { ok: false, reason: `${host} is no host name` };
    if (port !== undefined) return this.#byAddress(this.#name, hops);
    return this.#byService(hops);
  }

  /** What the URI allows and we have, best first; without a transport as if there were no records. */
  #transports(): readonly TransportName[] {
    const { port, transport, secure, anyTransport } = this.#query;
    if (transport !== undefined || secure) {
      const asked = transport ?? "tls";
      const taken = secure ? SECURED[asked] : asked;
      return taken !== undefined && this.#has(taken) ? [taken] : [];
    }
    const ours = STANDARD.filter((each) => this.#has(each));
    if (anyTransport !== true) return ours.slice(0, 1);
    const order = port === undefined || port === DEFAULT_PORT.tls ? SAFEST_FIRST : PLAIN_FIRST;
    return order.filter((each) => ours.includes(each));
  }

  /**
   * NAPTR where the URI leaves the transport open, else or failing that SRV, else the name's own addresses
   * (RFC 3263 §4.1, §4.2). Where records name a transport, it is the only one: nobody who breaks TLS gets plain text.
   */
  #byService(hops: readonly Hop[]): Step {
    const { transport, secure } = this.#query;
    const open = transport === undefined;
    const services = (open && !secure ? SAFEST_FIRST : hops.map((hop) => hop.transport)).filter(
      (each): each is ServiceTransport => each in SRV_SERVICES && this.#has(each),
    );
    const naptr = { type: "NAPTR", name: this.#name } as const;
    const srv = services.flatMap((each) => SRV_SERVICES[each].map((label) => srvQuestion(label, this.#name)));
    // All at once: one round trip for the name that has only addresses, and one wait for the one that never resolves.
    const ask = [...(open ? [naptr] : []), ...srv, ...addressQuestions(this.#name, this.#families(hops))];
    const wait = (): Need => {
      const told = ask.some((question) => (this.#known(question)?.kind ?? "failed") !== "failed");
      const missing = [naptr, ...srv].filter((question) => this.#known(question) === undefined);
      return { ask, missing, patienceMs: told ? SERVICE_PATIENCE_MS : Number.POSITIVE_INFINITY };
    };
    let trouble: Unreachable | undefined;

    if (open) {
      const answer = this.#known(naptr);
      if (answer === undefined) return wait();
      const steps = answer.kind === "found" ? naptrSteps(answer.records, (each) => services.includes(each)) : [];
      for (const step of steps) {
        const result = this.#byNaptr(step);
        if (!("ok" in result) || result.ok) return result;
        trouble ??= result;
      }
      if (trouble !== undefined) return trouble;
    }

    const refused = new Set<TransportName>();
    for (const each of services) {
      const records = this.#firstSrv(SRV_SERVICES[each].map((label) => srvQuestion(label, this.#name)));
      if (records === "unknown") return wait();
      if (records === "none") continue;
      if (isRefusal(records)) {
        refused.add(each);
        continue;
      }
      const result = this.#bySrv(records, each);
      if (!("ok" in result) || result.ok) return result;
      trouble ??= result;
    }
    if (trouble !== undefined) return trouble;
    const left = hops.filter((hop) => !refused.has(hop.transport));
    if (left.length > 0) return this.#byAddress(this.#name, left);
    return { ok: false, reason: `DNS says that ${this.#name} offers no SIP over ${[...refused].join(" or ")}` };
  }

  #byNaptr(step: { transport: ServiceTransport; flag: "s" | "a"; name: string }): Step {
    const { transport, flag, name } = step;
    if (flag === "a") return this.#byAddress(name, [{ transport, port: DEFAULT_PORT[transport] }]);
    const question = { type: "SRV", name } as const;
    const records = this.#firstSrv([question]);
    if (records === "unknown") return waitFor([question], Number.POSITIVE_INFINITY);
    if (records !== "none" && !isRefusal(records)) return this.#bySrv(records, transport);
    return {
      ok: false,
      reason: `the NAPTR record of ${this.#name} leads to ${name}, for which DNS gives no SRV record`,
    };
  }

  /** The records of the first of these names that has some. */
  #firstSrv(questions: readonly Question<"SRV">[]): readonly SrvRecord[] | "none" | "unknown" {
    for (const question of questions) {
      const answer = this.#known(question);
      if (answer === undefined) return "unknown";
      if (answer.kind === "found") return answer.records;
    }
    return "none";
  }

  /** Every address of every server. */
  #bySrv(records: readonly SrvRecord[], transport: ServiceTransport): Step {
    const families = this.#families([{ transport, port: 0 }]);
    const servers: OutlineServer[] = [];
    const missing: Question[] = [];
    let trouble = "";
    for (const record of records) {
      const { target: name, port } = record;
      if (name === "") continue;
      const literal = canonicalAddress(name);
      const found =
        literal === undefined ? addressesOf(name, families, this.#known) : { addresses: [literal], missing: [] };
      missing.push(...found.missing);
      const reached = this.#reach(name, found.addresses, [{ transport, port }]);
      if (reached.ok) servers.push({ ...record, groups: reached.servers[0]!.groups });
      else trouble ||= found.addresses.length > 0 ? reached.reason : explainMissing(name, families, this.#known);
    }
    if (missing.length > 0) return waitForAddresses(missing, servers.length > 0);
    if (servers.length > 0) return { ok: true, servers };
    return { ok: false, reason: `no server of ${this.#name} over ${transport} has an address: ${trouble}` };
  }

  #byAddress(name: string, hops: readonly Hop[]): Step {
    const families = this.#families(hops);
    const { addresses, missing } = addressesOf(name, families, this.#known);
    if (missing.length > 0) return waitForAddresses(missing, addresses.length > 0);
    if (addresses.length === 0) return { ok: false, reason: explainMissing(name, families, this.#known) };
    return this.#reach(name, addresses, hops);
  }

  /**
   * The addresses that we can send to, by each hop, IPv4 before IPv6.
   * @param name what they are the addresses of
   */
  #reach(name: string, addresses: readonly string[], hops: readonly Hop[], zone = ""): Outline | Unreachable {
    const host = canonicalAddress(this.#name) ?? this.#name;
    const groups = hops.flatMap(({ transport, port }) =>
      this.#families([{ transport, port }]).map((family) =>
        addresses
          .filter((address) => familyOf(address) === family)
          .map((address): Target => ({ transport, address: address + zone, port, host })),
      ),
    );
    if (groups.some((group) => group.length > 0)) {
      return { ok: true, servers: [{ priority: 0, weight: 0, port: 0, target: name, groups }] };
    }
    const transports = hops.map((hop) => hop.transport).join(" or ");
    return { ok: false, reason: `no ${transports} listener reaches an address of ${name} (${addresses.join(", ")})` };
  }

  #families(hops: readonly Hop[]): readonly (4 | 6)[] {
    return ([4, 6] as const).filter((family) =>
      hops.some((hop) => this.#waysOut.some((way) => way.transport === hop.transport && way.family === family)),
    );
  }

  #has(transport: TransportName): boolean {
    return this.#waysOut.some((way) => way.transport === transport);
  }
}

function srvQuestion(label: string, name: string): Question<"SRV"> {
  return { type: "SRV", name: `${label}.${name}` };
}

/** RFC 2782: a single record with the root as its target says that the service is decidedly not there. */
function isRefusal(records: readonly SrvRecord[]): boolean {
  return records.every((record) => record.target === "");
}

function waitForAddresses(missing: readonly Question[], someKnown: boolean): Need {
  return waitFor(missing, someKnown ? ADDRESS_PATIENCE_MS : Number.POSITIVE_INFINITY);
}

function waitFor(missing: readonly Question[], patienceMs: number): Need {
  return { ask: missing, missing, patienceMs };
}
