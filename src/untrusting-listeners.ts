import { hostPort } from "./address.ts";
import type { Config } from "./config/config.ts";

/**
 * Listeners beyond loopback on which limits hold for everybody, a front end or a balancer included that sends for many
 * people from one address. A sentence for each.
 */
export function limitWarnings({ listen, limits, engine }: Pick<Config, "listen" | "limits" | "engine">): string[] {
  const limited = limits.messagesPerSecond > 0 || limits.banAfter > 0;
  if (!limited || engine !== "embedded") return [];
  return listen
    .filter(({ host, trust }) => trust === undefined && !isLoopback(host))
    .map(({ transport, host, port }) => {
      const where = `listener ${transport} ${hostPort(host, port)}`;
      return `${where} has no \`trusted\`: limits.messagesPerSecond and bans hold for front ends and balancers too, which send for many from one address`;
    });
}

function isLoopback(host: string): boolean {
  return host === "::1" || host.startsWith("127.");
}
