import { createSocket } from "node:dgram";
import { once } from "node:events";
import t from "tap";
import { Locator, type LocatorSetup } from "../../src/locate/locator.ts";
import type { LocateQuery, LocateResult } from "../../src/locate/select.ts";
import type { Target } from "../../src/sip/flow.ts";
import { type DnsEntry, DnsServer } from "../support/dns-server.ts";

// These wait for real DNS timeouts, so they wait together.
const SLOW = { buffered: true };
t.jobs = 4;

interface Bench {
  readonly locator: Locator;
  readonly dns: DnsServer;
  /** The virtual time in ms. */
  time: number;
  ask(host: string, more?: Partial<LocateQuery>): Promise<LocateResult>;
  /** The addresses found, or the reason why none. */
  addresses(host: string): Promise<readonly string[] | string>;
}

async function bench(
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
    addresses: async (host) => {
      const result = await self.ask(host);
      return result.ok ? result.targets.map((target) => target.address) : result.reason;
    },
  };
  return self;
}

/** What `locate` says at once. */
function atOnce(locator: Locator, host: string, more: Partial<LocateQuery> = {}): LocateResult | undefined {
  return locator.locate({ host, secure: false, ...more }, () => undefined);
}

t.test("static hosts stand ahead of DNS, whatever port or transport the URI names, in their order", async (t) => {
  const targets: Target[] = [
    { transport: "tcp", address: "127.0.0.1", port: 5091, host: "pcpool.contoso.com" },
    { transport: "tcp", address: "127.0.0.1", port: 5090, host: "pcpool.contoso.com" },
  ];
  const { locator, dns } = await bench(t, {}, { hosts: [["PCPool.contoso.com", targets]] });
  for (const host of ["pcpool.contoso.com", "PCPOOL.Contoso.com", "pcpool.contoso.com."]) {
    t.same(atOnce(locator, host), { ok: true, targets });
  }
  t.same(atOnce(locator, "pcpool.contoso.com", { port: 5061, transport: "tls", secure: true }), { ok: true, targets });
  t.same(dns.queries, []);
});

t.test("numeric hosts and localhost need no DNS", async (t) => {
  const { locator, dns } = await bench(t, {});
  t.match(atOnce(locator, "192.0.2.1"), { targets: [{ transport: "udp", address: "192.0.2.1", port: 5060 }] });
  t.match(atOnce(locator, "localhost", { port: 5090, transport: "tcp" }), {
    targets: [
      { transport: "tcp", address: "127.0.0.1", port: 5090 },
      { transport: "tcp", address: "::1", port: 5090 },
    ],
  });
  t.same(dns.queries, []);
});

t.test("a name's A and AAAA records become targets, IPv4 first, in the server's order", async (t) => {
  const { ask, dns } = await bench(t, { "pool.test": { a: ["192.0.2.2", "192.0.2.1"], aaaa: ["2001:db8::1"] } });
  t.same(await ask("Pool.test.", { transport: "tcp", port: 5061 }), {
    ok: true,
    targets: ["192.0.2.2", "192.0.2.1", "2001:db8::1"].map((address) => ({
      transport: "tcp",
      address,
      port: 5061,
      host: "pool.test",
    })),
  });
  t.same([...dns.queries].sort(), ["a pool.test", "aaaa pool.test"]);
});

t.test("only families that a listener has are asked for", async (t) => {
  const { addresses, dns } = await bench(
    t,
    { "pool.test": { a: ["192.0.2.1"], aaaa: ["2001:db8::1"] } },
    { waysOut: [{ transport: "udp", family: 4 }] },
  );
  t.same(await addresses("pool.test"), ["192.0.2.1"]);
  t.same(dns.queries, ["a pool.test"]);
});

t.test("an answer counts for its TTL, for every port and transport, and no longer", async (t) => {
  const self = await bench(t, { "pool.test": { a: ["192.0.2.1"], ttl: 30 } });
  t.same(await self.addresses("pool.test"), ["192.0.2.1"]);
  self.dns.entries.set("pool.test", { a: ["192.0.2.2"], ttl: 30 });
  self.time = 29_999;
  t.match(atOnce(self.locator, "POOL.test", { transport: "tcp", port: 5061 }), {
    targets: [{ address: "192.0.2.1", transport: "tcp", port: 5061 }],
  });
  self.time = 30_000;
  t.same(await self.addresses("pool.test"), ["192.0.2.2"]);
  t.equal(self.dns.queries.length, 4);
});

t.test("the shortest TTL of the records counts, but never less than a second", async (t) => {
  const self = await bench(t, { "pool.test": { a: ["192.0.2.1"], ttl: 0 } });
  await self.ask("pool.test");
  self.time = 999;
  t.ok(atOnce(self.locator, "pool.test"));
  self.time = 1000;
  t.notOk(atOnce(self.locator, "pool.test"));
});

t.test("a name that does not exist is remembered for a few seconds, not longer", async (t) => {
  const self = await bench(t, {});
  t.same(await self.addresses("nowhere.test"), "nowhere.test does not exist in DNS");
  self.time = 4999;
  t.match(atOnce(self.locator, "nowhere.test"), { ok: false });
  self.dns.entries.set("nowhere.test", { a: ["192.0.2.1"] });
  self.time = 5000;
  t.same(await self.addresses("nowhere.test"), ["192.0.2.1"]);
});

t.test("each way to fail has its sentence", async (t) => {
  const self = await bench(t, { "broken.test": { fault: "servfail" }, "empty.test": {} });
  t.equal(await self.addresses("broken.test"), "the DNS server failed to look up broken.test (ESERVFAIL)");
  t.equal(await self.addresses("empty.test"), "empty.test has no address in DNS");
  t.equal(await self.addresses("a..b"), "a..b is no host name");
  t.match(await self.ask("pool.test", { transport: "tls" }), { reason: /no listener for sip: over tls/ });
});

t.test("a DNS server that is not there is told apart from one that is silent", async (t) => {
  const gone = createSocket("udp4").bind(0, "127.0.0.1");
  await once(gone, "listening");
  const { port } = gone.address();
  await new Promise<void>((resolve) => gone.close(resolve));
  const self = await bench(t, {}, { servers: [{ host: "127.0.0.1", port }] });
  t.equal(await self.addresses("pool.test"), "no DNS server could be reached to look up pool.test");
});

t.test("any number of callers share one lookup, and each is answered once", async (t) => {
  const self = await bench(t, { "pool.test": { a: ["192.0.2.1"] } });
  const results = await Promise.all(Array.from({ length: 100 }, () => self.addresses("pool.test")));
  t.equal(results.filter((addresses) => addresses[0] === "192.0.2.1").length, 100);
  t.equal(self.dns.queries.length, 2);
});

t.test("a query that is lost is repeated", SLOW, async (t) => {
  const self = await bench(t, { "pool.test": { a: ["192.0.2.1"], fault: "silence-once" } });
  t.same(await self.addresses("pool.test"), ["192.0.2.1"]);
});

t.test("a server that never answers for AAAA does not hold up the IPv4 addresses", async (t) => {
  const entry: DnsEntry = { a: ["192.0.2.1"], aaaa: ["2001:db8::1"], ttl: 600, fault: "silence-aaaa" };
  const self = await bench(t, { "pool.test": entry });
  t.same(await self.addresses("pool.test"), ["192.0.2.1"]);
  self.dns.entries.set("pool.test", { a: ["192.0.2.1"], aaaa: ["2001:db8::1"] });
  self.time = 30_000;
  t.same(await self.addresses("pool.test"), ["192.0.2.1", "2001:db8::1"], "half an answer does not count for long");
});

t.test("an answer with a wrong id is not believed", SLOW, async (t) => {
  const self = await bench(t, { "pool.test": { a: ["192.0.2.66"], fault: "wrong-id" } });
  t.equal(await self.addresses("pool.test"), "DNS gave no answer for pool.test");
});

t.test("a name that never resolves slows no other one", SLOW, async (t) => {
  const self = await bench(t, { "silent.test": { fault: "silence" }, "pool.test": { a: ["192.0.2.1"] } });
  let silentDone = false;
  const silent = self.addresses("silent.test").then((answer) => {
    silentDone = true;
    return answer;
  });
  await self.dns.queried(2);
  t.same(await self.addresses("pool.test"), ["192.0.2.1"]);
  t.notOk(silentDone);
  t.equal(await silent, "DNS gave no answer for silent.test");
});

t.test("lookups beyond the limit wait for their turn; beyond the queue they fail at once", async (t) => {
  const names = ["one.test", "two.test", "three.test"];
  const entries = Object.fromEntries(names.map((name, index) => [name, { a: [`192.0.2.${index + 1}`] }]));
  const self = await bench(t, entries, { limits: { maxLookups: 1, maxWaiting: 1 } });
  const first = self.addresses("one.test");
  const second = self.addresses("two.test");
  t.equal(await self.addresses("three.test"), "too many DNS lookups are waiting, three.test is not looked up");
  t.same(await first, ["192.0.2.1"]);
  t.same(await second, ["192.0.2.2"]);
  t.same(await self.addresses("three.test"), ["192.0.2.3"]);
});

t.test("only so many names are remembered, the newest ones", async (t) => {
  const names = ["one.test", "two.test", "three.test"];
  const entries = Object.fromEntries(names.map((name) => [name, { a: ["192.0.2.1"] }]));
  const self = await bench(t, entries, { limits: { maxNames: 2 } });
  for (const name of names) await self.ask(name);
  t.ok(atOnce(self.locator, "three.test"));
  t.ok(atOnce(self.locator, "two.test"));
  t.notOk(atOnce(self.locator, "one.test"));
});

t.test("close answers who still waits, and everyone after", async (t) => {
  const self = await bench(t, { "silent.test": { fault: "silence" } });
  const answers: LocateResult[] = [];
  const waiting = new Promise<void>((resolve) => {
    self.locator.locate({ host: "silent.test", secure: false }, (result) => {
      answers.push(result);
      resolve();
    });
  });
  await self.dns.queried(2);
  self.locator.close();
  t.same(answers, [], "not from within close");
  await waiting;
  t.same(answers, [{ ok: false, reason: "the gateway is closing" }]);
  t.same(atOnce(self.locator, "pool.test"), { ok: false, reason: "the gateway is closing" });
});

t.test("a DNS server that is no IP address is a configuration error", async (t) => {
  const setup: LocatorSetup = { hosts: [], servers: [{ host: "dns.contoso.com" }], waysOut: [], clock: () => 0 };
  t.throws(() => new Locator(setup), { code: "CONFIG_INVALID", message: /resolve\.servers: dns\.contoso\.com:53/ });
});
