import { existsSync } from "node:fs";
import { hostPort } from "../address.ts";
import type { Config } from "../config/config.ts";
import { isIpLiteral } from "../endpoints/host.ts";
import type { Endpoint } from "../endpoints/model.ts";
import { WaypostError } from "../errors.ts";
import { checkCertificates } from "./check-certificates.ts";
import { errorText } from "./error-text.ts";
import type { Io } from "./io.ts";
import { openTable } from "./open-table.ts";

/**
 * `waypost check`: reads configuration, certificates and table as the gateway would, without binding anything or asking DNS.
 * @returns the exit status: 0 when the gateway could start (warnings go to standard error), 1 with every reason
 */
export async function runCheck(file: string | undefined, io: Io, env: NodeJS.ProcessEnv): Promise<number> {
  try {
    const { config, store } = await openTable(file, env);
    io.out(`configuration ${config.file}: valid\n`);
    for (const line of configLines(config)) io.out(`  ${line}\n`);
    const certificates = await checkCertificates(config, Date.now());
    for (const line of certificates.lines) io.out(`  ${line}\n`);
    for (const error of certificates.errors) io.err(errorText(error));
    try {
      const { endpoints, revision } = await store.load();
      io.out(`endpoint table ${config.store.path}: valid\n`);
      io.out(`  ${counted(endpoints.length, "endpoint")}, revision ${revision}\n`);
      for (const warning of [...certificates.warnings, ...warnings(config, endpoints)]) io.err(`warning: ${warning}\n`);
      return certificates.errors.length === 0 ? 0 : 1;
    } finally {
      await store.close();
    }
  } catch (error) {
    if (!(error instanceof WaypostError)) throw error;
    io.err(errorText(error));
    return 1;
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
  const found: string[] = [];
  if (!existsSync(config.store.path))
    found.push(`${config.store.path} does not exist yet; the first endpoint makes it`);
  else if (endpoints.length === 0) found.push("there are no endpoints; every request takes the default route");
  const disabled = endpoints.filter((endpoint) => !endpoint.enabled);
  for (const { sipAddress } of disabled) found.push(`endpoint ${sipAddress} is disabled`);
  for (const [pool, addresses] of poolsByName(endpoints)) {
    if (isIpLiteral(pool) || config.resolve.hosts.has(pool)) continue;
    found.push(`pool ${pool} (${someOf(addresses)}) is not in resolve.hosts; calls to it need DNS`);
  }
  return found;
}

/** Pools and backup pools in lower case, each with the addresses that lead to it. */
function poolsByName(endpoints: readonly Endpoint[]): Map<string, string[]> {
  const pools = new Map<string, string[]>();
  for (const { sipAddress, poolFqdn, backupPool } of endpoints) {
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
