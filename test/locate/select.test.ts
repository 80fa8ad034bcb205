import t from "tap";
import { type LocateQuery, plan, reachable, type WayOut } from "../../src/locate/select.ts";
import type { Target } from "../../src/sip/flow.ts";

const UDP4: WayOut = { transport: "udp", family: 4 };
const TCP4: WayOut = { transport: "tcp", family: 4 };
const TCP6: WayOut = { transport: "tcp", family: 6 };
const TLS4: WayOut = { transport: "tls", family: 4 };
const ALL = [UDP4, TCP4, TCP6, TLS4, { transport: "udp", family: 6 }, { transport: "wss", family: 4 }] as const;

/** The one target of a numeric host as `transport address port`, else the reason. */
function target(query: Partial<LocateQuery>, waysOut: readonly WayOut[] = ALL): string {
  const result = plan({ host: "192.0.2.1", secure: false, ...query }, waysOut);
  if (!("ok" in result)) return `look up ${result.name}: ${result.transport} ${result.port}`;
  if (!result.ok) return result.reason;
  return result.targets.map((each: Target) => `${each.transport} ${each.address} ${each.port}`).join(", ");
}

t.test("a numeric host without port or transport: UDP and 5060 (RFC 3263 §4.1, §4.2)", async (t) => {
  t.equal(target({}), "udp 192.0.2.1 5060");
  t.equal(target({ host: "[2001:DB8::1]" }), "udp 2001:db8::1 5060");
  t.equal(target({ host: "2001:db8:0::1", port: 5070 }), "udp 2001:db8::1 5070");
  t.equal(target({ host: "::ffff:192.0.2.1" }), "udp 192.0.2.1 5060");
});

t.test("port and transport of the URI count (RFC 3263 §4.1)", async (t) => {
  t.equal(target({ transport: "tcp", port: 5090 }), "tcp 192.0.2.1 5090");
  t.equal(target({ transport: "tls" }), "tls 192.0.2.1 5061");
  t.equal(target({ transport: "wss" }), "wss 192.0.2.1 443");
});

t.test("sips goes over TLS whatever the URI says, never over UDP (RFC 3263 §4.1, RFC 3261 §26.2.2)", async (t) => {
  t.equal(target({ secure: true }), "tls 192.0.2.1 5061");
  t.equal(target({ secure: true, transport: "tcp", port: 5071 }), "tls 192.0.2.1 5071");
  t.match(target({ secure: true, transport: "udp" }), /no listener for sips: over udp/);
  t.match(target({ secure: true }, [UDP4, TCP4]), /no listener for sips: over tls, so 192\.0\.2\.1 cannot be reached/);
});

t.test("without a UDP listener a URI that names no transport goes over TCP", async (t) => {
  t.equal(target({}, [TCP4]), "tcp 192.0.2.1 5060");
  t.equal(target({}, [TLS4]), "tls 192.0.2.1 5061");
  t.match(target({}, []), /no listener/);
});

t.test("a transport or family that no listener has is said, not tried", async (t) => {
  t.match(target({ transport: "tcp" }, [UDP4]), /no listener for sip: over tcp/);
  t.match(target({ host: "::1", transport: "tcp" }, [TCP4]), /no tcp listener reaches an address of ::1/);
});

t.test("a name needs its addresses; its case and the root's dot do not matter", async (t) => {
  t.equal(target({ host: "PCPool.Contoso.COM." }), "look up pcpool.contoso.com: udp 5060");
  t.equal(target({ host: "pool", transport: "tcp", port: 5061 }), "look up pool: tcp 5061");
});

t.test("of a name's addresses those of a family we can send to are taken, in order", async (t) => {
  const planned = { name: "pool", transport: "tcp", port: 5061 } as const;
  const addresses = ["192.0.2.2", "192.0.2.1", "2001:db8::1"];
  const found = (waysOut: readonly WayOut[]) => {
    const result = reachable(addresses, planned, waysOut);
    return result.ok ? result.targets.map((each) => each.address) : result.reason;
  };
  t.same(found([TCP4, TCP6]), addresses);
  t.same(found([TCP6, UDP4]), ["2001:db8::1"]);
  t.match(found([UDP4]), /no tcp listener reaches an address of pool \(192\.0\.2\.2, /);
});
