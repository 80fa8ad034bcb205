import { networkInterfaces } from "node:os";
import { canonicalAddress, isWildcard } from "../address.ts";
import { isIpLiteral } from "../endpoints/host.ts";
import type { IsSelf } from "../endpoints/row-schema.ts";
import { familyOf } from "../sip/flow.ts";
import type { ListenConfig, ResolveConfig } from "./config.ts";

/**
 * Makes the test whether a host and port lead back to this gateway: an advertised name, a bound address (with a
 * wildcard: every address of this machine), or a name whose static answer is one of these. What only DNS knows is not
 * asked here; such a circle ends at the loop detection of RFC 5393.
 */
export function selfTest(listen: readonly ListenConfig[], resolve: Pick<ResolveConfig, "hosts">): IsSelf {
  const local = localAddresses();
  const isOurs = (address: string, port: number | undefined): boolean =>
    listen.some(
      (listener) =>
        listener.port === (port ?? (listener.transport === "tls" ? 5061 : 5060)) &&
        (canonical(listener.host) === address || coversAll(listener.host, address, local)),
    );
  return (host, port) => {
    const name = (host.endsWith(".") ? host.slice(0, -1) : host).toLowerCase();
    const answers = resolve.hosts.get(name);
    if (answers !== undefined) {
      return answers.some((target) => isOurs(canonical(target.address), target.port));
    }
    if (isIpLiteral(name) && isOurs(canonical(name), port)) {
      return true;
    }
    return listen.some(({ advertise, recordRoute, port: bound }) => {
      if (recordRoute?.toLowerCase() === name) {
        return port === undefined || port === bound;
      }
      if (advertise === undefined || canonical(advertise.host.toLowerCase()) !== canonical(name)) {
        return false;
      }
      return port === undefined || port === (advertise.port ?? bound);
    });
  };
}

function coversAll(wildcard: string, address: string, local: ReadonlySet<string>): boolean {
  // An IPv6 wildcard takes IPv4 as well unless it was told not to, so it counts for both.
  const covers = isWildcard(wildcard) && (wildcard !== "0.0.0.0" || familyOf(address) === 4);
  return covers && (local.has(address) || address.startsWith("127."));
}

function localAddresses(): Set<string> {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return new Set(all.map(({ address }) => canonical(address)));
}

function canonical(host: string): string {
  return canonicalAddress(host) ?? host;
}
