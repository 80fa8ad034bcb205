import t from "tap";
import type { Listener } from "../../src/sip/flow.ts";
import { SelfIdentity } from "../../src/sip/self-identity.ts";
import { parseUri } from "../../src/sip/uri.ts";

function listener(transport: Listener["transport"], port: number, more: Partial<Listener> = {}): Listener {
  const advertisedHost = "gw.contoso.com";
  return { transport, family: 4, address: "192.0.2.1", port, advertisedHost, advertisedPort: port, ...more };
}

const UDP = listener("udp", 5060);
const TCP = listener("tcp", 5060);
const SHARED = listener("tls", 5061, { recordRoute: "sip.contoso.com" });
const V6 = listener("udp", 5060, { family: 6, address: "2001:db8::1", advertisedHost: "2001:db8::1" });
const IDENTITY = new SelfIdentity([UDP, TCP, SHARED, V6]);

/** In the middle of a message, as a Route is. */
function written(uri: string) {
  const before = "Route: <";
  return IDENTITY.writtenRoute(`${before}${uri}>\r\nTo: <sip:x@y>`, before.length, before.length + uri.length);
}

t.test("§16.4: a Route of ours is told as it was written", async (t) => {
  for (const own of [UDP, TCP, SHARED, V6]) {
    for (const user of ["", "abc123@", "abc-f.1~2@"]) {
      for (const parameters of ["", ";udp-only", ";x=1;y"]) {
        const uri = IDENTITY.routeUri(own, user, false, parameters).slice(1, -1);
        const expected = { listener: own, user: user === "" ? undefined : user.slice(0, -1) };
        t.same(written(uri), expected, uri);
      }
    }
  }
});

t.test("§16.4: whatever is told so, is told so by its parts as well", async (t) => {
  const hosts = [
    "gw.contoso.com:5060",
    "gw.contoso.com:50600",
    "gw.contoso.com",
    "GW.contoso.com:5060",
    "sip.contoso.com",
    "192.0.2.1:5060",
    "[2001:db8::1]:5060",
    "evil.com",
  ];
  const users = ["", "@", "a@", "a:b@", ":b@", "a@b@", "a;lr@", "a?b@", "gw.contoso.com:5060;transport=udp;lr@"];
  const ends = [
    "",
    ";transport=udp;lr",
    ";transport=tcp;lr",
    ";transport=tls;lr",
    ";transport=udp;lrx",
    ";transport=udp;lr?h=1",
    ";transport=udp;lr;x",
    ";lr;transport=udp",
  ];
  let told = 0;
  for (const scheme of ["sip:", "sips:", "SIP:", "tel:"]) {
    for (const user of users) {
      for (const host of hosts) {
        for (const end of ends) {
          const uri = scheme + user + host + end;
          const quickly = written(uri);
          if (quickly === undefined) continue;
          told++;
          const parsed = parseUri(uri)!;
          t.ok(parsed !== undefined && IDENTITY.isSelf(parsed), uri);
          t.same(quickly, { listener: IDENTITY.listenerNamed(parsed), user: parsed.user }, uri);
        }
      }
    }
  }
  t.ok(told > 10, `${told} were told quickly`);
});

t.test("§16.4: what goes on behind the value, or stops before, is no Route of ours", async (t) => {
  const uri = IDENTITY.routeUri(UDP, "abc@", false).slice(1, -1);
  t.equal(IDENTITY.writtenRoute(uri, 0, uri.length - 1), undefined);
  t.same(IDENTITY.writtenRoute(`${uri}, <sip:next@host>`, 0, uri.length), { listener: UDP, user: "abc" });
  t.equal(
    IDENTITY.writtenRoute(
      "sip:gw.contoso.com:5061;transport=udp;lr> <sip:a@gw.contoso.com:5060;transport=udp;lr>",
      0,
      41,
    ),
    undefined,
  );
});
