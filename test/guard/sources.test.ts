import t from "tap";
import { Bans } from "../../src/guard/bans.ts";
import { Sources, sourceKey, sourceNamed } from "../../src/guard/sources.ts";

t.test("a source may send its burst at once and then its rate", async (t) => {
  const sources = new Sources({ perSecond: 100, burst: 200 }, 1000);
  const send = (now: number): boolean => {
    const source = sources.of("192.0.2.1", now);
    if (source.tokens < 1) return false;
    source.tokens--;
    return true;
  };
  let admitted = 0;
  for (let i = 0; i < 1000; i++) if (send(0)) admitted++;
  t.equal(admitted, 200);
  for (let now = 1; now <= 10_000; now++) if (send(now)) admitted++;
  t.ok(Math.abs(admitted - 1200) <= 1, `100 in each second after that: ${admitted - 200} in 10 s`);
});

t.test("the table of sources is bounded; the one that was silent longest is forgotten first", async (t) => {
  const sources = new Sources({ perSecond: 1, burst: 2 }, 1000);
  sources.of("192.0.2.1", 0).tokens = 0;
  sources.of("192.0.2.2", 0).tokens = 0;
  for (let i = 0; i < 100_000; i++) {
    sources.of(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`, 0);
    if (i % 100 === 0) sources.of("192.0.2.1", 0);
    if (sources.size > 1000) t.fail(`${sources.size} sources`);
  }
  t.equal(sources.of("192.0.2.1", 0).tokens, 0, "still known");
  t.equal(sources.of("192.0.2.2", 0).tokens, 2, "forgotten, so with a full bucket");
});

t.test("IPv6 sources are told apart by their /64", async (t) => {
  for (const [address, key] of [
    ["192.0.2.1", "192.0.2.1"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
    ["2001:db8:1:2::9", "2001:db8:1:2::/64"],
    ["2001:db8::9", "2001:db8:0:0::/64"],
    ["2001:db8:0:0:1::", "2001:db8:0:0::/64"],
    ["::1", "0:0:0:0::/64"],
    ["fe80::1:2:3:4", "fe80:0:0:0::/64"],
    ["1::2:3:4:5:6:7", "1:0:2:3::/64"],
  ] as const) {
    t.equal(sourceKey(address), key, address);
  }
});

t.test("a source is named by an address in any spelling, or by its network as it is listed", async (t) => {
  t.equal(sourceNamed("192.0.2.1"), "192.0.2.1");
  t.equal(sourceNamed("::ffff:192.0.2.1"), "192.0.2.1");
  for (const name of ["2001:DB8::1", "[2001:db8:0:0:7::9]", "2001:db8::/64", "2001:db8:0:0::/64"]) {
    t.equal(sourceNamed(name), sourceKey("2001:db8::1"), name);
  }
  for (const name of ["nobody", "", "/64", "192.0.2.1/64", "2001:db8::/48", "2001:db8::/64/64"]) {
    t.equal(sourceNamed(name), undefined, name);
  }
});

t.test("a ban ends by itself, or when it is lifted; beyond the bound the oldest ends", async (t) => {
  const bans = new Bans(300_000, 3);
  for (let i = 1; i <= 4; i++) bans.add(`192.0.2.${i}`, "speaks no SIP", i * 1000);
  t.equal(bans.find("192.0.2.1", 5000), undefined, "pushed out");
  t.match(bans.find("192.0.2.2", 5000), { why: "speaks no SIP", until: 302_000 });
  t.equal(bans.find("192.0.2.2", 302_000), undefined, "over");
  t.same(
    bans.list(302_500).map(({ source }) => source),
    ["192.0.2.3", "192.0.2.4"],
  );
  t.equal(bans.lift("192.0.2.3"), 1);
  t.equal(bans.lift("192.0.2.3"), 0);
  t.equal(bans.lift(), 1);
  t.same(bans.list(302_500), []);
});
