import t from "tap";
import { select } from "../../src/locate/select.ts";
import { ALL, TCP4, TCP6, TLS4, targets, UDP4, walk } from "./zone.ts";

t.test("a numeric host without port or transport: UDP and 5060 (RFC 3263 §4.1, §4.2)", async (t) => {
  t.same(targets({ host: "192.0.2.1" }), ["udp 192.0.2.1:5060"]);
  t.same(targets({ host: "[2001:DB8::1]" }), ["udp 2001:db8::1:5060"]);
  t.same(targets({ host: "2001:db8:0::1", port: 5070 }), ["udp 2001:db8::1:5070"]);
  t.same(targets({ host: "::ffff:192.0.2.1" }), ["udp 192.0.2.1:5060"]);
});

t.test("port and transport of the URI count (RFC 3263 §4.1)", async (t) => {
  const host = "192.0.2.1";
  const waysOut = [...ALL, { transport: "wss", family: 4 } as const];
  t.same(targets({ host, transport: "tcp", port: 5090 }), ["tcp 192.0.2.1:5090"]);
  t.same(targets({ host, transport: "tls" }), ["tls 192.0.2.1:5061"]);
  t.same(targets({ host, transport: "wss" }, {}, { waysOut }), ["wss 192.0.2.1:443"]);
});

t.test("sips goes over TLS whatever the URI says, never over UDP (RFC 3263 §4.1, RFC 3261 §26.2.2)", async (t) => {
  const query = { host: "192.0.2.1", secure: true } as const;
  t.same(targets(query), ["tls 192.0.2.1:5061"]);
  t.same(targets({ ...query, transport: "tcp", port: 5071 }), ["tls 192.0.2.1:5071"]);
  t.match(targets({ ...query, transport: "udp" }), /no listener for sips: over udp/);
  t.match(
    targets(query, {}, { waysOut: [UDP4, TCP4] }),
    /no listener for sips: over tls, so 192\.0\.2\.1 cannot be reached/,
  );
});

t.test("without a UDP listener a URI that names no transport goes over TCP", async (t) => {
  t.same(targets({ host: "192.0.2.1" }, {}, { waysOut: [TCP4] }), ["tcp 192.0.2.1:5060"]);
  t.same(targets({ host: "192.0.2.1" }, {}, { waysOut: [TLS4] }), ["tls 192.0.2.1:5061"]);
  t.match(targets({ host: "192.0.2.1" }, {}, { waysOut: [] }), /no listener/);
});

t.test("a transport or family that no listener has is said, not tried", async (t) => {
  t.match(targets({ transport: "tcp" }, {}, { waysOut: [UDP4] }), /no listener for sip: over tcp/);
  t.match(
    targets({ host: "::1", transport: "tcp" }, {}, { waysOut: [TCP4] }),
    /no tcp listener reaches an address of ::1/,
  );
});

t.test("with a port, DNS is asked for addresses alone (RFC 3263 §4.2)", async (t) => {
  const { result, questions } = walk(
    { host: "Pool.Test.", port: 5061, transport: "tls" },
    { "A pool.test": ["192.0.2.1"] },
  );
  t.same(questions, ["A pool.test"], "no AAAA, since TLS has no way out over IPv6");
  t.match(result, { targets: [{ transport: "tls", address: "192.0.2.1", port: 5061, host: "pool.test" }] });
  t.same(targets({ port: 5070 }, { "A pool.test": ["192.0.2.1"] }), ["udp 192.0.2.1:5070"]);
});

t.test("with a transport, its SRV records are asked for, and no NAPTR (RFC 3263 §4.1)", async (t) => {
  const zone = {
    "SRV _sip._tcp.pool.test": ["1 1 5070 a.test"],
    "A a.test": ["192.0.2.1"],
    "A pool.test": ["192.0.2.9"],
  };
  const { questions } = walk({ transport: "tcp" }, zone);
  t.same(questions.slice(0, 3), ["SRV _sip._tcp.pool.test", "A pool.test", "AAAA pool.test"]);
  t.same(targets({ transport: "tcp" }, zone), ["tcp 192.0.2.1:5070"]);
  t.same(targets({ transport: "udp" }, zone), ["udp 192.0.2.9:5060"], "no SRV: the address and the default port");
});

t.test("the server's preference in NAPTR decides on the transport (RFC 3263 §4.1)", async (t) => {
  const zone = {
    "NAPTR pool.test": [
      "100 50 s SIP+D2U _sip._udp.pool.test",
      "50 50 s SIPS+D2T _sips._tcp.other.test",
      "90 50 s SIP+D2T _sip._tcp.pool.test",
    ],
    "SRV _sips._tcp.other.test": ["1 1 5061 a.test"],
    "SRV _sip._tcp.pool.test": ["1 1 5060 a.test"],
    "SRV _sip._udp.pool.test": ["1 1 5060 a.test"],
    "A a.test": ["192.0.2.1"],
  };
  t.same(targets({}, zone), ["tls 192.0.2.1:5061"]);
  t.match(
    walk({}, zone).result,
    { targets: [{ host: "pool.test" }] },
    "certificates are checked against the pool's name",
  );
  t.same(targets({}, zone, { waysOut: [UDP4, TCP4] }), ["tcp 192.0.2.1:5060"], "the best we can do");
  t.same(targets({ secure: true }, zone), ["tls 192.0.2.1:5061"]);
});

t.test("NAPTR records of other services, flags or with a regular expression lead nowhere", async (t) => {
  const zone = {
    "NAPTR pool.test": [
      "10 10 u E2U+sip _x.test",
      "10 20 s SIP+D2S _sip._sctp.pool.test",
      "10 30 p SIP+D2T _sip._tcp.x.test",
    ],
    "SRV _sip._udp.pool.test": ["1 1 5070 a.test"],
    "A a.test": ["192.0.2.1"],
  };
  t.same(targets({}, zone), ["udp 192.0.2.1:5070"], "as if there were none: SRV by transport");
  t.same(
    targets({}, { "NAPTR pool.test": ["10 10 a SIP+D2T host.test"], "A host.test": ["192.0.2.2"] }),
    ["tcp 192.0.2.2:5060"],
    "flag a leads to addresses",
  );
});

t.test("without NAPTR: SRV of TLS, Lync's name for it included, then TCP, then UDP (RFC 3263 §4.1)", async (t) => {
  const hosts = { "A a.test": ["192.0.2.1"], "A b.test": ["192.0.2.2"], "A c.test": ["192.0.2.3"] };
  const udp = { "SRV _sip._udp.pool.test": ["1 1 5060 a.test"] };
  const tcp = { "SRV _sip._tcp.pool.test": ["1 1 5060 b.test"] };
  const lync = { "SRV _sipinternaltls._tcp.pool.test": ["1 1 5061 c.test"] };
  const sips = { "SRV _sips._tcp.pool.test": ["1 1 5071 a.test"] };
  t.same(targets({}, { ...hosts, ...udp }), ["udp 192.0.2.1:5060"]);
  t.same(targets({}, { ...hosts, ...udp, ...tcp }), ["tcp 192.0.2.2:5060"]);
  t.same(targets({}, { ...hosts, ...udp, ...tcp, ...lync }), ["tls 192.0.2.3:5061"]);
  t.same(targets({}, { ...hosts, ...udp, ...tcp, ...lync, ...sips }), ["tls 192.0.2.1:5071"]);
  t.same(targets({ transport: "tls" }, { ...hosts, ...lync }), ["tls 192.0.2.3:5061"]);
});

t.test(
  "no records and no transport: UDP for a URI as it stands, the safest first where it is left to us",
  async (t) => {
    const zone = { "A pool.test": ["192.0.2.1"] };
    t.same(targets({}, zone), ["udp 192.0.2.1:5060"]);
    t.same(targets({ anyTransport: true }, zone), ["tls 192.0.2.1:5061", "tcp 192.0.2.1:5060", "udp 192.0.2.1:5060"]);
    t.same(targets({ anyTransport: true }, zone, { waysOut: [UDP4, TCP4] }), [
      "tcp 192.0.2.1:5060",
      "udp 192.0.2.1:5060",
    ]);
    t.same(targets({ anyTransport: true, port: 5070 }, zone), [
      "tcp 192.0.2.1:5070",
      "udp 192.0.2.1:5070",
      "tls 192.0.2.1:5070",
    ]);
    t.same(targets({ anyTransport: true, secure: true }, zone), ["tls 192.0.2.1:5061"]);
  },
);

t.test("a single SRV record with the root as target refuses its transport (RFC 2782)", async (t) => {
  const zone = { "SRV _sip._tcp.pool.test": ["0 0 0 ."], "A pool.test": ["192.0.2.1"] };
  t.equal(targets({ transport: "tcp" }, zone), "DNS says that pool.test offers no SIP over tcp");
  t.same(targets({ anyTransport: true }, zone), ["tls 192.0.2.1:5061", "udp 192.0.2.1:5060"]);
});

t.test("all 32 servers of an SRV set become targets, by priority, with every address of each", async (t) => {
  const zone: Record<string, string[]> = { "SRV _sip._tcp.pool.test": [] };
  for (let server = 0; server < 32; server++) {
    zone["SRV _sip._tcp.pool.test"]!.push(`${32 - server} 1 5060 s${server}.test`);
    zone[`A s${server}.test`] = [`192.0.2.${server}`, `198.51.100.${server}`];
    zone[`AAAA s${server}.test`] = [`2001:db8::${server + 1}`];
  }
  const found = targets({ transport: "tcp" }, zone);
  t.equal(found.length, 96);
  t.same(found.slice(0, 4), [
    "tcp 192.0.2.31:5060",
    "tcp 198.51.100.31:5060",
    "tcp 2001:db8::32:5060",
    "tcp 192.0.2.30:5060",
  ]);
});

t.test("a server of the set without an address is left out; all of them without one is a reason", async (t) => {
  const zone = { "SRV _sip._tcp.pool.test": ["1 1 5060 gone.test", "2 1 5060 a.test"], "A a.test": ["192.0.2.1"] };
  t.same(targets({ transport: "tcp" }, zone), ["tcp 192.0.2.1:5060"]);
  t.equal(
    targets({ transport: "tcp" }, { "SRV _sip._tcp.pool.test": ["1 1 5060 gone.test"] }),
    "no server of pool.test over tcp has an address: gone.test does not exist in DNS",
  );
});

t.test("an SRV target that is an address, against the rules, is still understood", async (t) => {
  t.same(targets({ transport: "tcp" }, { "SRV _sip._tcp.pool.test": ["1 1 5060 192.0.2.7"] }), ["tcp 192.0.2.7:5060"]);
});

t.test("of a name's addresses those of a family we can send to are taken, in DNS's order, IPv4 first", async (t) => {
  const zone = { "A pool.test": ["192.0.2.2", "192.0.2.1"], "AAAA pool.test": ["2001:db8::1"] };
  const query = { transport: "tcp", port: 5061 } as const;
  t.same(targets(query, zone), ["tcp 192.0.2.2:5061", "tcp 192.0.2.1:5061", "tcp 2001:db8::1:5061"]);
  t.same(targets(query, zone, { waysOut: [TCP6, UDP4] }), ["tcp 2001:db8::1:5061"]);
  t.equal(targets(query, { "A other.test": ["192.0.2.1"] }), "pool.test does not exist in DNS");
});

t.test("with an affinity, calls are spread over a name's addresses; its seed alone decides the order", async (t) => {
  const addresses = ["192.0.2.0", "192.0.2.1", "192.0.2.2", "192.0.2.3"];
  const order = (seed: number, zone: readonly string[]) =>
    targets({ port: 5060, affinity: "call" }, { "A pool.test": zone }, { seed });
  for (const address of addresses) {
    const firsts = Array.from({ length: 400 }, (_, call) => order(call * 7919, addresses)[0]);
    const share = firsts.filter((first) => first === `udp ${address}:5060`).length;
    t.ok(share > 60 && share < 140, `${address} is first for ${share} of 400 calls`);
  }
  t.same(order(1, addresses), order(1, [...addresses].reverse()), "whatever order DNS gave");
});

t.test("what is no host name is not asked for", async (t) => {
  t.equal(targets({ host: "a..b" }), "a..b is no host name");
  t.equal(targets({ host: "p\u00f6ol.test" }), "p\u00f6ol.test is no host name");
  t.same(walk({ host: "localhost" }).questions, []);
});

t.test(
  "services that stay unknown are awaited for a while once DNS has spoken, addresses alone for less",
  async (t) => {
    const query = { host: "pool.test", secure: false } as const;
    const silent = select(query, [UDP4], () => undefined);
    t.match(silent, { patienceMs: Number.POSITIVE_INFINITY });
    const half = select(query, [UDP4], ({ type }) =>
      type === "A" ? { kind: "found", records: [], ttlSeconds: 60 } : undefined,
    );
    t.match(half, { patienceMs: 1500, missing: [{ type: "NAPTR" }, { type: "SRV" }] });
    const oneFamily = select({ ...query, port: 5060 }, ALL, ({ type }) =>
      type === "A" ? { kind: "found", records: [], ttlSeconds: 60 } : undefined,
    );
    t.match(oneFamily, { patienceMs: Number.POSITIVE_INFINITY, missing: [{ type: "AAAA" }] });
  },
);
