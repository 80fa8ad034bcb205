import { isIpLiteral } from "../endpoints/host.ts";
import type { Endpoint } from "../endpoints/model.ts";

/** What an engine can do with a row. Rows that ask for more are refused by name. */
export interface EngineCapabilities {
  readonly engine: "embedded" | "drachtio";
  /** The transports by which it reaches pools. */
  readonly transports: readonly string[];
  /**
   * `any`: a call is proxied with the Request-URI that the row says. Else calls for these hosts (lower case) get the
   * URI of the pool, and all others keep theirs.
   */
  readonly requestUri: "any" | { readonly poolFor: readonly string[] };
  /** Names (lower case) whose addresses this gateway alone knows: `resolve.hosts`. */
  readonly staticHosts: ReadonlyMap<string, unknown>;
  /** Whether it can register itself for a legacy address. */
  readonly registers: boolean;
  /** The methods that it proxies outside of dialogs. */
  readonly proxies: "any" | readonly string[];
}

/** A row as far as its way to the pool goes. */
export type RoutedRow = Pick<Endpoint, "sipAddress" | "poolFqdn" | "mode" | "transport" | "requestUri" | "enabled"> & {
  readonly [K in "backupPool" | "retired" | "register"]?: Endpoint[K] | undefined;
};

/**
 * Why an engine cannot carry out what a row says: a sentence without its beginning, such as "its transport is …";
 * undefined when it can. Pure.
 */
export function rowFault(row: RoutedRow, able: EngineCapabilities): string | undefined {
  if (row.retired !== undefined || !row.enabled) return undefined;
  if (row.register && !able.registers) return `it asks to be registered, and engine ${able.engine} does not register`;
  if (row.mode === "redirect") return undefined;
  return transportFault(row, able) ?? requestUriFault(row, able);
}

function transportFault({ transport }: RoutedRow, { transports }: EngineCapabilities): string | undefined {
  if (transport === "auto" ? transports.length > 0 : transports.includes(transport)) return undefined;
  if (transport !== "auto") return `its transport is ${transport}, and there is no ${transport} listener to call from`;
  return "there is no udp, tcp or tls listener to call a pool from";
}

function requestUriFault(row: RoutedRow, { requestUri, staticHosts }: EngineCapabilities): string | undefined {
  if (requestUri === "any") return undefined;
  const host = hostOf(row.sipAddress);
  const getsPool = requestUri.poolFor.includes(host);
  if (getsPool && row.requestUri === "keep") {
    return `its requestUri is keep, and drachtio-server puts the pool into the Request-URI of calls for ${host}, which is one of drachtio.dnsNames`;
  }
  if (!getsPool && row.requestUri === "pool") {
    return `its requestUri is pool, and drachtio-server leaves the Request-URI of calls for ${host} as it is, which is none of drachtio.dnsNames`;
  }
  if (!getsPool) return undefined;
  for (const pool of [row.poolFqdn, row.backupPool]) {
    if (pool === undefined || isIpLiteral(pool) || !staticHosts.has(pool.toLowerCase())) continue;
    return `its pool ${pool} has its addresses in resolve.hosts, and drachtio-server, which looks names up itself here, does not know these`;
  }
  return undefined;
}

/** The host of a validated address, in lower case. */
function hostOf(sipAddress: string): string {
  return sipAddress.slice(sipAddress.lastIndexOf("@") + 1).toLowerCase();
}
