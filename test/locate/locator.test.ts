import { createSocket } from "node:dgram";
import { once } from "node:events";
import t from "tap";
import { Locator, type LocatorSetup } from "../../src/locate/locator.ts";
import type { LocateResult } from "../../src/locate/select.ts";
import type { Target } from "../../src/sip/flow.ts";
import type { DnsEntry } from "../support/dns-server.ts";
import { bench, IMPATIENT } from "./bench.ts";

// Some wait for real DNS timeouts, so they wait together.
// Each has options of its own: tap writes into them.
const slow = () => ({ buffered: true });
t.jobs = 4;
const PORT = { port: 5060 };

t.test("requests of one affinity find one order, on every gateway", async (t) => {
  const entries = { "pool.test": { a: ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"] } };
  const [one, two] = [await bench(t, entries), await bench(t, entries)];
  const order = (from: typeof one, affinity: string) => from.targets("pool.test", { port: 5060, affinity });
  const orders = new Set<string>();
  for (let call = 0; call < 20; call++) {
    const affinity = `${call}@pc.contoso.com`;
    const first = String(await order(one, affinity));
    t.equal(String(await order(two, affinity)), first);
    orders.add(first);
  }
  t.ok(orders.size > 5, `${orders.size} orders for 20 calls`);
});

t.test("static hosts stand ahead of DNS, whatever port or transport the URI names, in their order", async (t) => {
  const targets: Target[] = [
    { transport: "tcp", address: "127.0.0.1", port: 5091, host: "pcpool.contoso.com" },
    { transport: "tcp", address: "127.0.0.1", port: 5090, host: "pcpool.contoso.com" },
  ];
  const { atOnce, dns } = await bench(t, {}, { hosts: [["PCPool.contoso.com", targets]] });
  for (const host of ["pcpool.contoso.com", "PCPOOL.Contoso.com", "pcpool.contoso.com."]) {
    t.same(atOnce(host), { ok: true, targets });
  }
  t.same(atOnce("pcpool.contoso.com", { port: 5061, transport: "tls", secure: true }), { ok: true, targets });
  t.same(dns.queries, []);
});

t.test("numeric hosts and localhost need no DNS", async (t) => {
  const { atOnce, dns } = await bench(t, {});
  t.match(atOnce("192.0.2.1"), { targets: [{ transport: "udp", address: "192.0.2.1", port: 5060 }] });
  t.match(atOnce("localhost", { port: 5090, transport: "tcp" }), {
    targets: [
      { transport: "tcp", address: "127.0.0.1", port: 5090 },
      { transport: "tcp", address: "::1", port: 5090 },
    ],
  });
  t.same(dns.queries, []);
});

t.test("a name without SRV is found in one round trip: everything is asked at once", async (t) => {
  const { targets, dns } = await bench(t, { "pool.test": { a: ["192.0.2.1"], aaaa: ["2001:db8::1"] } });
  t.same(await targets("Pool.test."), ["udp 192.0.2.1:5060", "udp 2001:db8::1:5060"]);
  t.same([...dns.queries].sort(), [
    "a pool.test",
    "aaaa pool.test",
    "naptr pool.test",
    "srv _sip._tcp.pool.test",
    "srv _sip._udp.pool.test",
  ]);
});

t.test("NAPTR leads to SRV, SRV to servers, an alias of a server to its address", async (t) => {
  const { targets } = await bench(t, {
    "contoso.test": { naptr: ["10 10 s SIP+D2T _sip._tcp.pool.test"] },
    "_sip._tcp.pool.test": { srv: ["20 0 5070 b.test", "10 0 5060 a.test"] },
    "a.test": { cname: "real.test" },
    "real.test": { a: ["192.0.2.1"] },
    "b.test": { a: ["192.0.2.2"], aaaa: ["2001:db8::2"] },
  });
  t.same(await targets("contoso.test"), ["tcp 192.0.2.1:5060", "tcp 192.0.2.2:5070", "tcp 2001:db8::2:5070"]);
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
  self.time = 4999;
  t.match(self.atOnce("POOL.test", { transport: "tcp", port: 5061 }), {
    targets: [{ address: "192.0.2.1", transport: "tcp", port: 5061 }],
  });
  self.time = 29_999;
  t.same(await self.addresses("pool.test"), ["192.0.2.1"], "though AAAA was asked for again");
  self.time = 30_000;
  t.same(await self.addresses("pool.test"), ["192.0.2.2"]);
});

t.test("each record set has its own TTL: that of SRV is not that of its servers", async (t) => {
  const self = await bench(t, {
    "_sip._tcp.pool.test": { srv: ["1 1 5060 a.test"], ttl: 300 },
    "a.test": { a: ["192.0.2.1"], aaaa: ["2001:db8::1"], ttl: 10 },
  });
  const query = { transport: "tcp" } as const;
  await self.ask("pool.test", query);
  const before = self.dns.queries.length;
  self.time = 11_000;
  t.same(await self.targets("pool.test", query), ["tcp 192.0.2.1:5060", "tcp 2001:db8::1:5060"]);
  t.notOk(self.dns.queries.slice(before).includes("srv _sip._tcp.pool.test"));
  self.time = 301_000;
  await self.ask("pool.test", query);
  t.ok(self.dns.queries.slice(before).includes("srv _sip._tcp.pool.test"));
});

t.test("the shortest TTL of the records and aliases counts, but never less than a second", async (t) => {
  const self = await bench(
    t,
    { "pool.test": { cname: "real.test", ttl: 0 }, "real.test": { a: ["192.0.2.1"], ttl: 60 } },
    { waysOut: [{ transport: "udp", family: 4 }] },
  );
  await self.addresses("pool.test");
  self.time = 999;
  t.ok(self.atOnce("pool.test", PORT));
  self.time = 1000;
  t.notOk(self.atOnce("pool.test", PORT));
});

t.test(
  "that there is no record counts as long as DNS says (RFC 2308), but not over a minute; else five seconds",
  async (t) => {
    const self = await bench(t, { "empty.test": { soaMinimum: 20 }, "long.test": { soaMinimum: 3600 } });
    for (const [host, seconds] of [
      ["nowhere.test", 5],
      ["empty.test", 20],
      ["long.test", 60],
    ] as const) {
      self.time = 0;
      t.type(await self.addresses(host), "string");
      self.time = seconds * 1000 - 1;
      t.match(self.atOnce(host, PORT), { ok: false }, host);
      self.time = seconds * 1000;
      self.dns.entries.set(host, { a: ["192.0.2.1"] });
      t.same(await self.addresses(host), ["192.0.2.1"], host);
    }
  },
);

t.test("each way to fail has its sentence", async (t) => {
  const self = await bench(t, { "broken.test": { fault: "servfail" }, "empty.test": {} });
  t.equal(await self.addresses("broken.test"), "the DNS server failed to look up broken.test (SERVFAIL)");
  t.equal(await self.addresses("empty.test"), "empty.test has no address in DNS");
  t.equal(await self.addresses("nowhere.test"), "nowhere.test does not exist in DNS");
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

t.test("any number of callers share one look-up, and each is answered once", async (t) => {
  const self = await bench(t, { "pool.test": { a: ["192.0.2.1"] } });
  const results = await Promise.all(Array.from({ length: 100 }, () => self.addresses("pool.test")));
  t.equal(results.filter((addresses) => addresses[0] === "192.0.2.1").length, 100);
  t.equal(self.dns.queries.length, 2);
});

t.test("one SRV set serves any number of calls whole, also after a call that used none of it", async (t) => {
  const servers = Array.from({ length: 32 }, (_, index) => `s${index}.test`);
  const self = await bench(t, {
    "_sip._tcp.pool.test": { srv: servers.map((name) => `1 1 5060 ${name}`) },
    ...Object.fromEntries(servers.map((name, index) => [name, { a: [`192.0.2.${index}`] }])),
  });
  const query = { transport: "tcp" } as const;
  const firsts = new Set<string>();
  for (let call = 0; call < 200; call++) {
    const found = await self.ask("pool.test", query);
    if (!found.ok) throw new Error(found.reason);
    if (new Set(found.targets.map((target) => target.address)).size !== 32) t.fail("servers are missing");
    firsts.add(found.targets[0]!.address);
    // A careless caller takes targets out of its list.
    (found.targets as Target[]).length = 0;
  }
  t.ok(firsts.size > 20, `${firsts.size} of 32 servers came first at least once`);
  t.equal(self.dns.queries.filter((query) => query.startsWith("srv")).length, 1);
});

t.test("a query that is lost is repeated", slow(), async (t) => {
  const self = await bench(t, { "pool.test": { a: ["192.0.2.1"], fault: "silence-once" } });
  t.same(await self.addresses("pool.test"), ["192.0.2.1"]);
});

t.test("a dead DNS server is passed over, and asked last from then on", slow(), async (t) => {
  const dead = await bench(t, { "a.test": { fault: "silence" }, "b.test": { fault: "silence" } });
  const alive = await bench(t, { "a.test": { a: ["192.0.2.1"] }, "b.test": { a: ["192.0.2.2"] } });
  const servers = [dead, alive].map(({ dns }) => ({ host: "127.0.0.1", port: dns.port }));
  const self = await bench(t, {}, { servers, waysOut: [{ transport: "udp", family: 4 }] });
  t.same(await self.addresses("a.test"), ["192.0.2.1"]);
  t.same(await self.addresses("b.test"), ["192.0.2.2"]);
  t.same(dead.dns.queries, ["a a.test"]);
});

t.test("a truncated answer is fetched over TCP (RFC 7766 §5)", async (t) => {
  const servers = Array.from({ length: 32 }, (_, index) => `${index} 1 5060 192.0.2.${index}`);
  const self = await bench(t, { "_sip._tcp.pool.test": { srv: servers, fault: "truncated" } });
  const targets = await self.targets("pool.test", { transport: "tcp" });
  t.equal(targets.length, 32);
  t.ok(self.dns.queries.includes("tcp srv _sip._tcp.pool.test"));
});

t.test("a server that truncates but does not answer over TCP costs its time, not the call", slow(), async (t) => {
  const self = await bench(
    t,
    { "_sip._tcp.pool.test": { fault: "truncated-silence" }, "pool.test": { a: ["192.0.2.1"] } },
    { dnsTimes: IMPATIENT },
  );
  t.same(await self.targets("pool.test", { transport: "tcp" }), ["tcp 192.0.2.1:5060"]);
});

t.test("a server that does not know EDNS is asked without (RFC 6891 §7)", async (t) => {
  const self = await bench(t, { "pool.test": { a: ["192.0.2.1"], fault: "no-edns" } });
  t.same(await self.addresses("pool.test"), ["192.0.2.1"]);
});

t.test("a server that never answers for AAAA does not hold up the IPv4 addresses", slow(), async (t) => {
  const entry: DnsEntry = { a: ["192.0.2.1"], aaaa: ["2001:db8::1"], ttl: 600, fault: "silence-aaaa" };
  const waysOut = [
    { transport: "udp", family: 4 },
    { transport: "udp", family: 6 },
    { transport: "tcp", family: 6 },
  ] as const;
  const self = await bench(t, { "pool.test": entry }, { dnsTimes: IMPATIENT, waysOut });
  t.same(await self.addresses("pool.test"), ["192.0.2.1"]);
  const overIpv6 = await self.targets("pool.test", { port: 5060, transport: "tcp" });
  t.equal(overIpv6, "DNS gave no answer for pool.test", "who needs AAAA waits until DNS is given up");
  self.dns.entries.set("pool.test", { a: ["192.0.2.1"], aaaa: ["2001:db8::1"] });
  self.time = 5000;
  t.same(await self.addresses("pool.test"), ["192.0.2.1", "2001:db8::1"], "half an answer does not count for long");
});

t.test("a server that drops questions for NAPTR and SRV leaves the addresses", slow(), async (t) => {
  const fault = "silence-services";
  const self = await bench(t, {
    "pool.test": { a: ["192.0.2.1"], fault },
    "_sip._udp.pool.test": { fault },
    "_sip._tcp.pool.test": { fault },
  });
  t.same(await self.targets("pool.test"), ["udp 192.0.2.1:5060"]);
});

t.test("an answer with a wrong id is not believed (RFC 5452 §9.1)", slow(), async (t) => {
  const self = await bench(t, { "pool.test": { a: ["192.0.2.66"], fault: "wrong-id" } }, { dnsTimes: IMPATIENT });
  t.equal(await self.addresses("pool.test"), "DNS gave no answer for pool.test");
});

t.test(
  "while DNS fails, the last good answer stands in; when it speaks again, that counts (RFC 8767)",
  slow(),
  async (t) => {
    const self = await bench(t, { "pool.test": { a: ["192.0.2.1"], ttl: 30 } }, { dnsTimes: IMPATIENT });
    await self.addresses("pool.test");
    self.time = 31_000;
    self.dns.entries.set("pool.test", { fault: "servfail" });
    t.same(await self.addresses("pool.test"), ["192.0.2.1"], "DNS fails");
    self.time = 62_000;
    self.dns.entries.set("pool.test", { fault: "silence" });
    t.same(await self.addresses("pool.test"), ["192.0.2.1"], "DNS is silent");
    t.ok(self.atOnce("pool.test", PORT), "nobody waits a second time");
    self.time = 93_000;
    self.dns.entries.delete("pool.test");
    t.equal(await self.addresses("pool.test"), "pool.test does not exist in DNS");
  },
);

t.test("64 names that never resolve delay no other by more than a moment", slow(), async (t) => {
  const names = Array.from({ length: 64 }, (_, index) => `dead${index}.test`);
  const dead = Object.fromEntries(names.map((name) => [name, { fault: "silence" } as const]));
  const self = await bench(t, { ...dead, "pool.test": { a: ["192.0.2.1"] } });
  let deadDone = 0;
  for (const name of names) void self.addresses(name).then(() => deadDone++);
  await self.dns.queried(64);
  t.same(await self.addresses("pool.test"), ["192.0.2.1"]);
  t.equal(deadDone, 0, "all of these still wait");
});

t.test("when too many look-ups are slow, the oldest is given up", slow(), async (t) => {
  const dead: Record<string, DnsEntry> = { "one.test": { fault: "silence" }, "two.test": { fault: "silence" } };
  const self = await bench(t, dead, {
    limits: { maxSlow: 1, slowMs: 50 },
    waysOut: [{ transport: "udp", family: 4 }],
  });
  let secondDone = false;
  const first = self.addresses("one.test");
  void self.addresses("two.test").then(() => (secondDone = true));
  t.equal(await first, "the look-up of one.test was given up");
  t.notOk(secondDone);
});

t.test("look-ups beyond the limit wait for their turn; beyond the queue they fail at once", async (t) => {
  const names = ["one.test", "two.test", "three.test"];
  const entries = Object.fromEntries(names.map((name, index) => [name, { a: [`192.0.2.${index + 1}`] }]));
  const self = await bench(t, entries, {
    limits: { maxLookups: 1, maxWaiting: 1 },
    waysOut: [{ transport: "udp", family: 4 }],
  });
  const first = self.addresses("one.test");
  const second = self.addresses("two.test");
  t.equal(await self.addresses("three.test"), "too many DNS look-ups are waiting, three.test is not looked up");
  t.same(await first, ["192.0.2.1"]);
  t.same(await second, ["192.0.2.2"]);
  t.same(await self.addresses("three.test"), ["192.0.2.3"]);
});

t.test("only so many answers are remembered, the newest ones", async (t) => {
  const names = ["one.test", "two.test", "three.test"];
  const entries = Object.fromEntries(names.map((name) => [name, { a: ["192.0.2.1"] }]));
  const self = await bench(t, entries, { limits: { maxAnswers: 2 }, waysOut: [{ transport: "udp", family: 4 }] });
  for (const name of names) await self.addresses(name);
  // Another port, so that the answers themselves are needed, not what was made of them.
  t.ok(self.atOnce("three.test", { port: 5070 }));
  t.ok(self.atOnce("two.test", { port: 5070 }));
  t.notOk(self.atOnce("one.test", { port: 5070 }));
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
  t.same(self.atOnce("pool.test"), { ok: false, reason: "the gateway is closing" });
});

t.test("a DNS server that is no IP address is a configuration error", async (t) => {
  const setup: LocatorSetup = { hosts: [], servers: [{ host: "dns.contoso.com" }], waysOut: [], clock: () => 0 };
  t.throws(() => new Locator(setup), { code: "CONFIG_INVALID", message: /resolve\.servers: dns\.contoso\.com:53/ });
});
