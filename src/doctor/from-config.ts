import { isWildcard } from "../address.ts";
import type { Config } from "../config/config.ts";
import { Locator } from "../locate/locator.ts";
import { familyOf } from "../sip/flow.ts";
import { TlsDialler } from "../transport/tls/dialler.ts";
import { readMaterial } from "../transport/tls/material.ts";
import { outboundFiles } from "../transport/tls/settings.ts";
import type { GatewayPlace } from "./doctor.ts";
import type { Reach } from "./reach.ts";

/**
 * The ways out that a gateway with this configuration has. The caller closes the locator.
 * @param withinMs for each step of a way
 */
export async function reachOf(config: Config, withinMs: number): Promise<Reach> {
  const waysOut = config.listen.map(({ transport, host }) => ({ transport, family: familyOf(host) }));
  const locator = new Locator({
    hosts: config.resolve.hosts,
    servers: config.resolve.servers,
    waysOut,
    clock: () => performance.now(),
  });
  const listener = config.listen.find(({ tls }) => tls !== undefined)?.tls;
  const weak = listener?.legacy === true || (config.tls.legacyHosts ?? []).length > 0;
  const material = await readMaterial(outboundFiles(config.tls, listener ?? {}), weak);
  return { locator, waysOut, dialler: new TlsDialler(config.tls, material), withinMs };
}

/**
 * Where the gateway of this configuration is called up on this machine: not on a free port, which is known to the gateway
 * alone, and not over WebSocket.
 */
export function gatewayPlaces(config: Config): GatewayPlace[] {
  return config.listen
    .filter(({ port, transport }) => port !== 0 && transport !== "ws" && transport !== "wss")
    .map(({ transport, host, port, advertise }) => {
      const loopback = familyOf(host) === 6 ? "::1" : "127.0.0.1";
      const address = isWildcard(host) ? loopback : host;
      return { transport, address, port, host: advertise?.host ?? address };
    });
}
