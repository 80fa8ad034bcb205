import type { Target } from "../../src/sip/flow.ts";
import type { LocateQuery, LocateResult } from "../../src/sip/host.ts";

/** How DNS answers for a name. */
export type DnsManner = "at once" | "late" | "fails" | "fails late" | DnsLie;

/** What DNS says instead of the truth. */
export type DnsLie =
  /** That the name exists and has no address. */
  | "empty"
  /** Addresses where nobody is, before those that are right. */
  | "elsewhere"
  /** The gateway's own address. */
  | "ourselves"
  /** Another order and another number of servers each time. */
  | "changes"
  /** Nothing, until the look-up is given up. */
  | "never answers";

export const DNS_LIES: readonly DnsLie[] = ["empty", "elsewhere", "ourselves", "changes", "never answers"];

/** Somewhere that nobody is. */
const NOWHERE = ["10.0.7.7", "10.0.7.8"];

export interface DirectoryEntry {
  /** A host of this address, under any transport and port that a URI names. */
  readonly address?: string;
  /** A pool: its servers in their order. */
  readonly targets?: readonly Target[];
  readonly manner: DnsManner;
  /** For the late manners, in ms. */
  readonly delay: number;
}

/** The names of the simulated world. */
export class SimDirectory {
  readonly entries = new Map<string, DirectoryEntry>();
  /** What was said about a name for a call, by `callId name`: it need not be what is said next. */
  readonly said = new Map<string, LocateResult>();
  readonly #ourselves: string;
  #asked = 0;

  /** @param ourselves the gateway's own address, for when it is the lie */
  constructor(ourselves: string) {
    this.#ourselves = ourselves;
  }

  add(name: string, entry: Partial<DirectoryEntry>): void {
    this.entries.set(name, { manner: "at once", delay: 0, ...entry });
  }

  /** What the name service says in the end, its manner apart. */
  lookUp(query: LocateQuery): LocateResult {
    const { host } = query;
    const entry = /^[\d.]+$/.test(host) ? { address: host, manner: "at once", delay: 0 } : this.entries.get(host);
    if (entry === undefined || entry.manner.startsWith("fails") || entry.manner === "never answers")
      return { ok: false, reason: "no such name" };
    if ("targets" in entry && entry.targets !== undefined) return { ok: true, targets: entry.targets };
    const { transport = "udp", port = 5060 } = query;
    return { ok: true, targets: [{ transport, address: entry.address!, port, host }] };
  }

  /** What it says this time. */
  answer(query: LocateQuery): LocateResult {
    const truth = this.lookUp(query);
    const { manner } = this.manner(query.host);
    if (!truth.ok) return truth;
    const [first] = truth.targets;
    if (first === undefined) return truth;
    if (manner === "empty") return { ok: true, targets: [] };
    if (manner === "ourselves")
      return { ok: true, targets: [{ ...first, transport: "udp", address: this.#ourselves }] };
    if (manner === "elsewhere") {
      const wrong = NOWHERE.map((address) => ({ ...first, address }));
      return { ok: true, targets: [...wrong, ...truth.targets] };
    }
    if (manner !== "changes") return truth;
    const turn = this.#asked++ % 3;
    if (turn === 0) return truth;
    return { ok: true, targets: turn === 1 ? [...truth.targets].reverse() : truth.targets.slice(0, 1) };
  }

  /** What was said for a request of this call, else what is true. */
  saidFor(callId: string, query: LocateQuery): LocateResult {
    return this.said.get(`${callId} ${query.host}`) ?? this.lookUp(query);
  }

  manner(host: string): { manner: DnsManner; delay: number } {
    return this.entries.get(host) ?? { manner: "at once", delay: 0 };
  }

  /** Where an actor sends a request for a URI: the first address. */
  hop(uri: string): { transport: "udp" | "tcp"; address: string } | undefined {
    const query = queryOf(uri);
    const found = query === undefined ? undefined : this.lookUp(query);
    const target = found?.ok ? found.targets[0] : undefined;
    if (target === undefined) return undefined;
    return { transport: target.transport === "tcp" ? "tcp" : "udp", address: `${target.address}:${target.port}` };
  }
}

/** The look-up that a `sip:` URI asks for. */
export function queryOf(uri: string): LocateQuery | undefined {
  const match = /^sip:(?:[^@;]*(?:;[^@]*)?@)?([A-Za-z0-9.-]+)(?::(\d+))?(?:;(.*))?$/.exec(uri);
  if (match === null) return undefined;
  const transport = /(?:^|;)transport=(udp|tcp)/.exec(match[3] ?? "")?.[1] as "udp" | "tcp" | undefined;
  return {
    host: match[1]!,
    secure: false,
    anyTransport: false,
    affinity: "",
    inDialog: false,
    ...(match[2] === undefined ? {} : { port: Number(match[2]) }),
    ...(transport === undefined ? {} : { transport }),
  };
}
