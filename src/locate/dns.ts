import { Resolver } from "node:dns";
import { isIP } from "node:net";
import { hostPort, withoutZone } from "../address.ts";
import { WaypostError } from "../errors.ts";
import type { DnsServer } from "./dns-exchange.ts";
import { DnsLookup, type DnsTimes } from "./dns-lookup.ts";
import type { Answer, Question, RecordSource } from "./records.ts";

const DEFAULT_TIMES: DnsTimes = { tryMs: 1000, lookupMs: 5000 };
/** How long the system's list of servers is used before it is read again. */
const SYSTEM_SERVERS_MS = 30_000;

/**
 * Asks DNS servers. Not through Node's `dns`: its getaddrinfo occupies a thread per look-up, and its c-ares tells no
 * TTL of SRV and NAPTR records. So /etc/hosts does not count; names that DNS does not have belong into `resolve.hosts`.
 */
export class DnsRecords implements RecordSource {
  readonly #configured: readonly DnsServer[];
  readonly #clock: () => number;
  readonly #times: DnsTimes;
  readonly #lookups = new Set<DnsLookup>();
  #system: readonly DnsServer[] = [];
  #systemUntil = Number.NEGATIVE_INFINITY;
  /** The one that answered last is asked first, so that a dead one costs its wait only once. */
  #answeredLast: string | undefined;

  /**
   * @param servers empty = the system's
   * @param clock a monotonic time in ms
   * @throws WaypostError CONFIG_INVALID for a server that is no IP literal
   */
  constructor(servers: readonly DnsServer[], clock: () => number, times: Partial<DnsTimes> = {}) {
    for (const server of servers) {
      if (isIP(withoutZone(server.host)) === 0) {
        throw new WaypostError("CONFIG_INVALID", `resolve.servers: ${nameOf(server)}: this is no IP address`);
      }
    }
    this.#configured = servers;
    this.#clock = clock;
    this.#times = { ...DEFAULT_TIMES, ...times };
  }

  lookup(question: Question, signal: AbortSignal): Promise<Answer> {
    const servers = this.#servers();
    if (servers.length === 0) return Promise.resolve({ kind: "failed", reason: "the system names no DNS server" });
    return new Promise((resolve) => {
      const abort = (): void => lookup.abort();
      const lookup = new DnsLookup(question, servers, this.#times, ({ answer, server }) => {
        this.#lookups.delete(lookup);
        signal.removeEventListener("abort", abort);
        if (server !== undefined) this.#answeredLast = nameOf(server);
        resolve(answer);
      });
      this.#lookups.add(lookup);
      signal.addEventListener("abort", abort);
    });
  }

  close(): void {
    for (const lookup of [...this.#lookups]) lookup.abort();
  }

  #servers(): readonly DnsServer[] {
    const servers = this.#configured.length > 0 ? this.#configured : this.#systemServers();
    const first = servers.findIndex((server) => nameOf(server) === this.#answeredLast);
    return first > 0 ? [...servers.slice(first), ...servers.slice(0, first)] : servers;
  }

  /** What /etc/resolv.conf says now, not what it said at start-up. */
  #systemServers(): readonly DnsServer[] {
    if (this.#clock() >= this.#systemUntil) {
      this.#system = new Resolver().getServers().flatMap(parseServer);
      this.#systemUntil = this.#clock() + SYSTEM_SERVERS_MS;
    }
    return this.#system;
  }
}

function nameOf({ host, port }: DnsServer): string {
  return hostPort(host, port ?? 53);
}

/** Reads an entry of `getServers()`: an IP literal, with brackets and a port where that is not 53. */
function parseServer(text: string): DnsServer[] {
  if (isIP(withoutZone(text)) !== 0) return [{ host: text }];
  const colon = text.lastIndexOf(":");
  const host = text.slice(0, colon).replace(/^\[|\]$/g, "");
  return isIP(withoutZone(host)) === 0 ? [] : [{ host, port: Number(text.slice(colon + 1)) }];
}
