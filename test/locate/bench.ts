import { Locator, type LocatorSetup } from "../../src/locate/locator.ts";
import type { LocateQuery, LocateResult } from "../../src/locate/select.ts";
import { type DnsEntry, DnsServer } from "../support/dns-server.ts";

/** For look-ups that are to fail: DNS is given up soon. */
export const IMPATIENT = { tryMs: 100, lookupMs: 500 };

/** A locator that asks a DNS server on loopback, with a virtual clock. */
export interface Bench {
  readonly locator: Locator;
  readonly dns: DnsServer;
  /** The virtual time in ms. */
  time: number;
  ask(host: string, more?: Partial<LocateQuery>): Promise<LocateResult>;
  /** The targets as `transport address:port`, or the reason why there are none. */
  targets(host: string, more?: Partial<LocateQuery>): Promise<readonly string[] | string>;
  /** The addresses of a name with port 5060, over UDP: no NAPTR, no SRV. */
  addresses(host: string): Promise<readonly string[] | string>;
  /** What is known at once. */
  atOnce(host: string, more?: Partial<LocateQuery>): LocateResult | undefined;
}

export async function bench(
  t: { teardown(fn: () => unknown): void },
  entries: Readonly<Record<string, DnsEntry>>,
  setup: Partial<LocatorSetup> = {},
): Promise<Bench> {
  const dns = await DnsServer.start(entries);
  const waysOut = (["udp", "tcp"] as const).flatMap((transport) =>
    ([4, 6] as const).map((family) => ({ transport, family })),
  );
  const locator = new Locator({
    hosts: [],
    servers: [{ host: "127.0.0.1", port: dns.port }],
    waysOut,
    clock: () => self.time,
    ...setup,
  });
  t.teardown(() => {
    locator.close();
    dns.close();
  });
  const self: Bench = {
    locator,
    dns,
    time: 0,
    ask: (host, more) =>
      new Promise((resolve) => {
        const atOnce = locator.locate({ host, secure: false, ...more }, resolve);
        if (atOnce !== undefined) resolve(atOnce);
      }),
    targets: async (host, more) => {
      const result = await self.ask(host, more);
      if (!result.ok) return result.reason;
      return result.targets.map(({ transport, address, port }) => `${transport} ${address}:${port}`);
    },
    addresses: async (host) => {
      const result = await self.ask(host, { port: 5060 });
      return result.ok ? result.targets.map((target) => target.address) : result.reason;
    },
    atOnce: (host, more) => locator.locate({ host, secure: false, ...more }, () => undefined),
  };
  return self;
}
