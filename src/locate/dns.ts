import { promises } from "node:dns";
import { hostPort } from "../address.ts";
import { WaypostError } from "../errors.ts";

/** What a lookup of a name's addresses brings: IPv4 before IPv6, each in the server's order. */
export type AddressAnswer =
  | { readonly ok: true; readonly addresses: readonly string[]; readonly ttlSeconds: number }
  | { readonly ok: false; readonly reason: string };

/** Anything that can look up addresses; never rejects. */
export interface AddressSource {
  lookup(name: string): Promise<AddressAnswer>;
  close(): void;
}

export interface DnsServer {
  /** IP literal without brackets. */
  readonly host: string;
  readonly port?: number;
}

/** Per try; a query that gets no answer is repeated once. */
const TRY_MS = 2000;
/** A lookup is over after this, whatever the resolver still does. */
const LOOKUP_MS = 5000;
/** Once one family has answered, the other gets this much longer, since some servers never answer for AAAA (RFC 8305 §3). */
const OTHER_FAMILY_MS = 300;

/** How long an answer counts that lacks one family, since the server did not answer for it, in seconds. */
const PARTIAL_SECONDS = 30;
/** Codes by which DNS says that there is no record, as against not saying anything. */
const EMPTY = ["ENODATA", "ENOTFOUND"];

type FamilyAnswer =
  | { readonly records: readonly { readonly address: string; readonly ttl: number }[] }
  | { readonly code: string };

/**
 * A and AAAA over DNS itself, not over the system's getaddrinfo, which occupies a thread per lookup and knows no TTL.
 * So /etc/hosts does not count; names that DNS does not have belong into `resolve.hosts`.
 */
export class DnsAddresses implements AddressSource {
  readonly #resolver = new promises.Resolver({ timeout: TRY_MS, tries: 2 });
  readonly #families: readonly (4 | 6)[];

  /**
   * @param servers empty = the system's
   * @param families which kinds of address to ask for
   * @throws WaypostError CONFIG_INVALID for a server that is no IP literal
   */
  constructor(servers: readonly DnsServer[], families: readonly (4 | 6)[]) {
    this.#families = [...families].sort();
    if (servers.length === 0) return;
    const written = servers.map(({ host, port }) => hostPort(host, port ?? 53));
    try {
      this.#resolver.setServers(written);
    } catch (error) {
      throw new WaypostError("CONFIG_INVALID", `resolve.servers: ${written.join(", ")}: not all are IP addresses`, {
        cause: error,
      });
    }
  }

  async lookup(name: string): Promise<AddressAnswer> {
    const answers: (FamilyAnswer | undefined)[] = this.#families.map(() => undefined);
    let shorten: () => void = () => undefined;
    const deadline = new Promise<void>((resolve) => {
      // After a stall of the event loop an answer may lie there already: it is read before setImmediate comes.
      const over = (): unknown => setImmediate(resolve);
      const limit = setTimeout(over, LOOKUP_MS).unref();
      shorten = () => {
        clearTimeout(limit);
        setTimeout(over, OTHER_FAMILY_MS).unref();
      };
    });
    const queries = this.#families.map(async (family, index) => {
      const answer = await this.#query(name, family);
      answers[index] = answer;
      if ("records" in answer && answer.records.length > 0) shorten();
    });
    await Promise.race([Promise.all(queries), deadline]);
    return combine(name, answers);
  }

  close(): void {
    this.#resolver.cancel();
  }

  async #query(name: string, family: 4 | 6): Promise<FamilyAnswer> {
    try {
      const records =
        family === 4
          ? await this.#resolver.resolve4(name, { ttl: true })
          : await this.#resolver.resolve6(name, { ttl: true });
      return { records };
    } catch (error) {
      return { code: (error as NodeJS.ErrnoException).code ?? String(error) };
    }
  }
}

/** Joins what the families brought; undefined stands for one that did not answer in time. */
function combine(name: string, answers: readonly (FamilyAnswer | undefined)[]): AddressAnswer {
  const addresses: string[] = [];
  let ttlSeconds = Number.POSITIVE_INFINITY;
  for (const answer of answers) {
    if (answer === undefined || ("code" in answer && !EMPTY.includes(answer.code))) {
      ttlSeconds = Math.min(ttlSeconds, PARTIAL_SECONDS);
    }
    if (answer === undefined || !("records" in answer)) continue;
    for (const { address, ttl } of answer.records) {
      addresses.push(address);
      ttlSeconds = Math.min(ttlSeconds, ttl);
    }
  }
  if (addresses.length > 0) return { ok: true, addresses, ttlSeconds };
  const codes = answers.map((answer) =>
    answer === undefined ? "ETIMEOUT" : "code" in answer ? answer.code : "ENODATA",
  );
  return { ok: false, reason: explain(name, codes) };
}

function explain(name: string, codes: readonly string[]): string {
  if (codes.includes("ENOTFOUND")) return `${name} does not exist in DNS`;
  if (codes.every((code) => code === "ENODATA")) return `${name} has no address in DNS`;
  const trouble = codes.find((code) => code !== "ENODATA") ?? "ENODATA";
  switch (trouble) {
    case "ETIMEOUT":
      return `DNS gave no answer for ${name}`;
    case "ECONNREFUSED":
      return `no DNS server could be reached to look up ${name}`;
    case "EBADNAME":
      return `${name} is no host name`;
    case "ECANCELLED":
      return "the gateway is closing";
    default:
      return `the DNS server failed to look up ${name} (${trouble})`;
  }
}
