import { isWildcard } from "../../address.ts";
import type { ListenConfig } from "../../config/config.ts";
import { bracketed } from "../../sip/uri.ts";
import type { OwnPlaces } from "./destinations.ts";

/** What drachtio-servers with these listeners and `dns-names` take for their own. */
export function ownPlaces(listen: readonly ListenConfig[], dnsNames: readonly string[]): OwnPlaces {
  const hosts = new Set(dnsNames);
  for (const { host } of listen) {
    if (!isWildcard(host)) hosts.add(bracketed(host));
    // The server knows its loopback address by this name as well.
    if (host === "127.0.0.1") hosts.add("localhost");
  }
  return { hosts, ports: new Set(listen.map(({ port }) => port)) };
}

/**
 * The listeners of the configuration that a server does not have, as `udp/192.0.2.1:5060`.
 * @param hostPorts what the server said: such places, with commas between them
 */
export function missingListeners(
  listeners: readonly { readonly transport: string; readonly address: string; readonly port: number }[],
  hostPorts: string,
): string[] {
  const has = new Set(hostPorts.split(",").map((place) => place.trim().toLowerCase()));
  return listeners
    .filter(({ transport, address, port }) => {
      if (!isWildcard(address)) return !has.has(`${transport}/${bracketed(address)}:${port}`);
      return ![...has].some((place) => place.startsWith(`${transport}/`) && place.endsWith(`:${port}`));
    })
    .map(({ transport, address, port }) => `${transport}/${bracketed(address)}:${port}`);
}
