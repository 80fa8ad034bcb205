import { existsSync } from "node:fs";
import { hostPort } from "../address.ts";
import type { Config } from "../config/config.ts";
import { isIpLiteral } from "../endpoints/host.ts";
import type { Endpoint } from "../endpoints/model.ts";
import { WaypostError } from "../errors.ts";
import { storePlace } from "../open-store.ts";
import { unableRows } from "../unable-rows.ts";
import { limitWarnings } from "../untrusting-listeners.ts";
import { checkCertificates } from "./check-certificates.ts";
import { errorText } from "./error-text.ts";
import { jsonLine } from "./format.ts";
import { openTable } from "./open-table.ts";
import { type Session, sampleWarning } from "./session.ts";

/** What `waypost check` found; what was not come to is absent. */
interface CheckReport {
  readonly ok: boolean;
  readonly configuration?: string;
  /** What the configuration says, a line each. */
  readonly settings: readonly string[];
  readonly table?: string;
  readonly endpoints?: number;
  readonly revision?: number;
  readonly warnings: readonly string[];
  readonly errors: readonly WaypostError[];
}

/**
 * `waypost check`: reads configuration, certificates and table as the gateway would, without binding anything or asking DNS.
 * @returns the exit status: 0 when the gateway could start (warnings go to standard error), 1 with every reason
 */
export async function runCheck(session: Session, options: { json?: true }): Promise<number> {
  const { io } = session;
  const report = await check(session.config(), session.env);
  if (options.json) {
    const errors = report.errors.map(({ code, message, remedy }) => ({ code, message, remedy }));
    io.out(jsonLine({ ...report, errors }));
  } else {
    if (report.configuration !== undefined) io.out(`configuration ${report.configuration}: valid\n`);
    for (const line of report.settings) io.out(`  ${line}\n`);
    if (report.table !== undefined) {
      io.out(`endpoint table ${report.table}: valid\n`);
      io.out(`  ${counted(report.endpoints ?? 0, "endpoint")}, revision ${report.revision}\n`);
    }
    for (const warning of report.warnings) io.err(`warning: ${warning}\n`);
    for (const error of report.errors) io.err(errorText(error));
  }
  return report.ok ? 0 : 1;
}

async function check(file: string | undefined, env: NodeJS.ProcessEnv): Promise<CheckReport> {
  let found: CheckReport = { ok: false, settings: [], warnings: [], errors: [] };
  try {
    const { config, store } = await openTable(file, env);
    try {
      const certificates = await checkCertificates(config, Date.now());
      const settings = [...configLines(config), ...certificates.lines];
      found = { ...found, configuration: config.file, settings, errors: certificates.errors };
      const { endpoints, revision } = await store.load();
      return {
        ...found,
        ok: certificates.errors.length === 0,
        table: storePlace(config.store),
        endpoints: endpoints.length,
        revision,
        warnings: [...certificates.warnings, ...warnings(config, endpoints)],
      };
    } finally {
      await store.close();
    }
  } catch (error) {
    if (!(error instanceof WaypostError)) throw error;
    return { ...found, errors: [...found.errors, error] };
  }
}

function configLines({ listen, engine, resolve, defaultRoute }: Config): string[] {
  const listeners = listen.map(({ transport, host, port, advertise }) => {
    const name = advertise === undefined ? "" : ` as ${advertise.host}`;
    return `listen ${transport} ${hostPort(host, port)}${name}`;
  });
  const route = defaultRoute === "reject" ? "reject" : defaultRoute.proxy;
  return [...listeners, `engine ${engine}, ${counted(resolve.hosts.size, "static host")}, default route ${route}`];
}

/** What may be meant so, but is worth a second look. */
function warnings(config: Config, endpoints: readonly Endpoint[]): string[] {
  const sample = sampleWarning(config);
  const found: string[] = sample === undefined ? [] : [sample];
  if (config.store.kind === "file" && !existsSync(config.store.path))
    found.push(`${config.store.path} does not exist yet; the first endpoint makes it`);
  else if (endpoints.length === 0) found.push("there are no endpoints; every request takes the default route");
  for (const { sipAddress, reason } of unableRows(endpoints, config)) {
    found.push(`endpoint ${sipAddress} cannot be served: ${reason}`);
  }
  const asking = endpoints.filter(({ register }) => register).map(({ sipAddress }) => sipAddress);
  if (asking.length > 0 && config.registrar === undefined)
    found.push(`${someOf(asking)} ask to be registered, and there is no group registrar`);
  found.push(...limitWarnings(config));
  const disabled = endpoints.filter((endpoint) => !endpoint.enabled);
  for (const { sipAddress } of disabled) found.push(`endpoint ${sipAddress} is disabled`);
  // Who names no hosts, or names DNS servers, means DNS; beside static hosts a missing one may be an oversight.
  const { hosts, servers } = config.resolve;
  const meansDns = hosts.size === 0 || servers.length > 0;
  for (const [pool, addresses] of meansDns ? [] : poolsByName(endpoints)) {
    if (isIpLiteral(pool) || hosts.has(pool)) continue;
    found.push(`pool ${pool} (${someOf(addresses)}) is not in resolve.hosts; calls to it need DNS`);
  }
  return found;
}

/** Pools and backup pools in lower case, each with the addresses that lead to it. */
function poolsByName(endpoints: readonly Endpoint[]): Map<string, string[]> {
  const pools = new Map<string, string[]>();
  for (const { sipAddress, poolFqdn, backupPool, retired } of endpoints) {
    if (retired !== undefined) continue;
    for (const host of backupPool === undefined ? [poolFqdn] : [poolFqdn, backupPool]) {
      const name = host.toLowerCase().replace(/\.$/, "");
      const addresses = pools.get(name);
      if (addresses) addresses.push(sipAddress);
      else pools.set(name, [sipAddress]);
    }
  }
  return pools;
}

function someOf(addresses: readonly string[]): string {
  const more = addresses.length - 2;
  return more > 0 ? `${addresses.slice(0, 2).join(", ")} and ${more} more` : addresses.join(", ");
}

function counted(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? "" : "s"}`;
}
