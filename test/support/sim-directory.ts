import type { Target } from "../../src/sip/flow.ts";
import type { LocateQuery, LocateResult } from "../../src/sip/host.ts";

/** How DNS answers for a name. */
export type DnsManner = "at once" | "late" | "fails" | "fails late";

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

  add(name: string, entry: Partial<DirectoryEntry>): void {
    this.entries.set(name, { manner: "at once", delay: 0, ...entry });
  }

  /** What the name service says in the end, its manner apart. */
  lookUp(query: LocateQuery): LocateResult {
    const { host } = query;
    const entry = /^[\d.]+$/.test(host) ? { address: host, manner: "at once", delay: 0 } : this.entries.get(host);
    if (entry === undefined || entry.manner.startsWith("fails")) return { ok: false, reason: "no such name" };
    if ("targets" in entry && entry.targets !== undefined) return { ok: true, targets: entry.targets };
    const { transport = "udp", port = 5060 } = query;
    return { ok: true, targets: [{ transport, address: entry.address!, port, host }] };
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
