import type { Config } from "../config/config.ts";
import type { EngineCapabilities } from "../routing/capabilities.ts";

/** What the engine of a configuration can do; the same for the gateway and for the commands that edit its table. */
export function capabilitiesOf({
  engine,
  listen,
  drachtio,
  resolve,
}: Pick<Config, "engine" | "listen" | "drachtio" | "resolve">): EngineCapabilities {
  const transports = ["udp", "tcp", "tls"].filter((wanted) => listen.some(({ transport }) => transport === wanted));
  if (engine === "embedded") {
    return { engine, transports, requestUri: "any", staticHosts: resolve.hosts, registers: true, proxies: "any" };
  }
  const names = drachtio?.dnsNames ?? [];
  const poolFor = [...names, ...listen.map(({ host }) => host)].map((name) => name.toLowerCase());
  return {
    engine,
    transports,
    requestUri: { poolFor },
    staticHosts: resolve.hosts,
    registers: false,
    proxies: ["INVITE"],
  };
}
