import t from "tap";
import { destinationsOf } from "../../src/engine/drachtio/destinations.ts";
import type { ProxyDecision } from "../../src/sip/decision.ts";
import type { Target } from "../../src/sip/flow.ts";

const own = { hosts: new Set(["contoso.com", "192.0.2.5"]), ports: new Set([5060]) };
const none = new Map<string, readonly Target[]>();
const keep: ProxyDecision = {
  kind: "proxy",
  nextHops: ["sip:pool.contoso.com", "sip:dr.contoso.com:5070;transport=tcp"],
};

t.test("a Request-URI that stays is sent to the next hops as they are", async (t) => {
  t.same(destinationsOf(keep, "sip:ocschat@fabrikam.com", own, none), { ok: true, uris: keep.nextHops });
});

t.test("what resolve.hosts knows is sent to its addresses", async (t) => {
  const hosts = new Map<string, readonly Target[]>([
    [
      "pool.contoso.com",
      [
        { transport: "tcp", address: "192.0.2.10", port: 5060, host: "pool.contoso.com" },
        { transport: "udp", address: "2001:db8::10", port: 5070, host: "pool.contoso.com" },
      ],
    ],
  ]);
  t.same(destinationsOf(keep, "sip:ocschat@fabrikam.com", own, hosts), {
    ok: true,
    uris: [
      "sip:192.0.2.10:5060;transport=tcp",
      "sip:[2001:db8::10]:5070;transport=udp",
      "sip:dr.contoso.com:5070;transport=tcp",
    ],
  });
});

t.test("a Request-URI that becomes the pool's is the destination itself, with the user as dialled", async (t) => {
  const pool = { ...keep, requestUri: "sip:OCSChat@pool.contoso.com" };
  t.same(destinationsOf(pool, "sip:OCSChat@contoso.com", own, none), {
    ok: true,
    uris: ["sip:OCSChat@pool.contoso.com", "sip:OCSChat@dr.contoso.com:5070;transport=tcp"],
  });
});

t.test("the server compares hosts letter by letter and ports too; what it would do otherwise is refused", async (t) => {
  const pool = { ...keep, requestUri: "sip:ocschat@pool.contoso.com" };
  for (const dialled of ["sip:ocschat@CONTOSO.com", "sip:ocschat@contoso.com:5062", "sip:ocschat@fabrikam.com"]) {
    t.match(destinationsOf(pool, dialled, own, none), { ok: false, reason: /does not change/ }, dialled);
    t.match(destinationsOf(keep, dialled, own, none), { ok: true }, dialled);
  }
  for (const dialled of ["sip:ocschat@contoso.com", "sip:ocschat@contoso.com:5060;x=y", "sip:o@192.0.2.5"]) {
    t.match(destinationsOf(keep, dialled, own, none), { ok: false, reason: /puts the pool into/ }, dialled);
  }
});

t.test("nothing that a caller dials can become a word of the control protocol", async (t) => {
  const pool = { ...keep, requestUri: "sip:a|remainInDialog|sip:evil@pool.contoso.com" };
  t.match(destinationsOf(pool, "sip:a|remainInDialog|sip:evil@contoso.com", own, none), {
    ok: false,
    reason: /takes no destination such as sip:a\|remainInDialog/,
  });
});

t.test("sips: is refused: the library makes sip:sips: of it", async (t) => {
  const decision: ProxyDecision = { kind: "proxy", nextHops: ["sips:pool.contoso.com"] };
  t.match(destinationsOf(decision, "sip:ocschat@fabrikam.com", own, none), { ok: false, reason: /sips:pool/ });
});
