import t from "tap";
import type { Endpoint } from "../../src/endpoints/model.ts";
import { EndpointTable } from "../../src/endpoints/table.ts";
import { decide, type RoutingOptions } from "../../src/routing/route.ts";
import { row } from "../endpoints/row.ts";

function route(
  requestUri: string,
  endpoints: readonly Endpoint[],
  options: RoutingOptions = { defaultRoute: "reject" },
) {
  const table = new EndpointTable({ revision: 1, endpoints });
  return decide({ method: "INVITE", requestUri, transport: "tcp", sourceAddress: "127.0.0.1" }, table, options);
}

t.test("an endpoint in proxy mode leads to its pool, the Request-URI as dialled", async (t) => {
  t.same(route("sip:OCSChat@contoso.com;transport=tls", [row()]), {
    kind: "proxy",
    nextHops: ["sip:pcpool.contoso.com"],
    endpoint: "sip:ocschat@contoso.com",
  });
});

t.test("port and transport of the row become part of the next hop", async (t) => {
  t.match(route("sip:ocschat@contoso.com", [row({ port: 5061, transport: "tls" })]), {
    nextHops: ["sip:pcpool.contoso.com:5061;transport=tls"],
  });
});

t.test("an IPv6 pool gets its brackets", async (t) => {
  t.match(route("sip:ocschat@contoso.com", [row({ poolFqdn: "2001:db8::1", port: 5060 })]), {
    nextHops: ["sip:[2001:db8::1]:5060"],
  });
});

t.test("the backup pool comes second, by the same port and transport", async (t) => {
  t.match(route("sip:ocschat@contoso.com", [row({ backupPool: "dr.contoso.com", port: 5070, transport: "udp" })]), {
    nextHops: ["sip:pcpool.contoso.com:5070;transport=udp", "sip:dr.contoso.com:5070;transport=udp"],
  });
});

t.test("with requestUri pool the Request-URI becomes user@pool, the user as dialled", async (t) => {
  t.same(route("sip:OCS%43hat@contoso.com:5060;lr", [row({ requestUri: "pool", port: 5061, transport: "tcp" })]), {
    kind: "proxy",
    nextHops: ["sip:pcpool.contoso.com:5061;transport=tcp"],
    requestUri: "sip:OCS%43hat@pcpool.contoso.com:5061;transport=tcp",
    endpoint: "sip:ocschat@contoso.com",
  });
});

t.test("a password does not travel to another host", async (t) => {
  t.match(route("sip:ocschat:secret@contoso.com", [row({ requestUri: "pool" })]), {
    requestUri: "sip:ocschat@pcpool.contoso.com",
  });
});

t.test("an endpoint in redirect mode sends the caller to user@pool (RFC 3261 §8.3)", async (t) => {
  const stored = row({ mode: "redirect", redirectStatus: 303, backupPool: "dr.contoso.com" });
  t.same(route("sips:OCSChat@contoso.com", [stored]), {
    kind: "redirect",
    status: 303,
    contacts: ["sip:OCSChat@pcpool.contoso.com", "sip:OCSChat@dr.contoso.com"],
    endpoint: "sip:ocschat@contoso.com",
  });
});

t.test("a disabled endpoint answers 480 and says so, default route or not", async (t) => {
  const answer = {
    kind: "reject",
    status: 480,
    explanation: "endpoint sip:ocschat@contoso.com is disabled",
    endpoint: "sip:ocschat@contoso.com",
  };
  t.match(route("sip:ocschat@contoso.com", [row({ enabled: false })]), answer);
  const options: RoutingOptions = { defaultRoute: { proxy: "sip:fe01.contoso.com" } };
  t.match(route("sip:ocschat@contoso.com", [row({ enabled: false })], options), answer);
});

t.test("a stranger gets 404 with the address that was looked for", async (t) => {
  const decision = route("sip:Nobody:secret@contoso.com:5060;x=y", [row()]);
  t.match(decision, { kind: "reject", status: 404, explanation: /^sip:nobody@contoso.com is no endpoint/ });
  t.notOk("endpoint" in decision);
});

t.test("a Request-URI without user is a stranger's too", async (t) => {
  t.match(route("sip:contoso.com", [row()]), { status: 404, explanation: /^the Request-URI is no endpoint/ });
});

t.test("with a default route everything else goes there, unchanged", async (t) => {
  const options: RoutingOptions = { defaultRoute: { proxy: "sip:fe01.contoso.com:5061;transport=tls" } };
  for (const uri of ["sip:nobody@contoso.com", "sip:contoso.com", "tel:+15551234"]) {
    t.same(route(uri, [row()], options), { kind: "proxy", nextHops: ["sip:fe01.contoso.com:5061;transport=tls"] });
  }
});

t.test("rows of the same treatment are each answered under their own address", async (t) => {
  const rows = ["sip:a@contoso.com", "sip:B@contoso.com"].map((sipAddress) => row({ sipAddress, enabled: false }));
  t.match(route("sip:a@contoso.com", rows), { endpoint: "sip:a@contoso.com", explanation: /sip:a@contoso.com/ });
  t.match(route("sip:b@contoso.com", rows), { endpoint: "sip:B@contoso.com", explanation: /sip:B@contoso.com/ });
});

t.test("a row is answered by itself where the table has too many different pools", async (t) => {
  const rows = Array.from({ length: 10_100 }, (_, i) =>
    row({ sipAddress: `sip:room${i}@contoso.com`, poolFqdn: `pool${i}.contoso.com` }),
  );
  const table = new EndpointTable({ revision: 1, endpoints: rows });
  for (const i of [0, 9_999, 10_099]) {
    const request = { method: "INVITE", requestUri: `sip:room${i}@contoso.com`, transport: "tcp" } as const;
    t.match(decide({ ...request, sourceAddress: "127.0.0.1" }, table, { defaultRoute: "reject" }), {
      nextHops: [`sip:pool${i}.contoso.com`],
      endpoint: `sip:room${i}@contoso.com`,
    });
  }
});

t.test("a changed row decides anew at once", async (t) => {
  const table = new EndpointTable({ revision: 1, endpoints: [row()] });
  const request = {
    method: "INVITE",
    requestUri: "sip:ocschat@contoso.com",
    transport: "udp",
    sourceAddress: "127.0.0.1",
  } as const;
  decide(request, table, { defaultRoute: "reject" });
  table.apply([{ before: row(), after: row({ poolFqdn: "new.contoso.com", version: 2 }) }], 2);
  t.match(decide(request, table, { defaultRoute: "reject" }), { nextHops: ["sip:new.contoso.com"] });
});

t.test("a retired endpoint answers 410 with its reason, and is still named (RFC 3261 §21.4.10)", async (t) => {
  const stored = row({ retired: 410, retiredReason: "The rooms have moved to Teams.", enabled: false });
  t.same(route("sip:ocschat@contoso.com", [stored]), {
    kind: "reject",
    status: 410,
    reason: "Gone",
    explanation: "endpoint sip:ocschat@contoso.com is retired: The rooms have moved to Teams.",
    endpoint: "sip:ocschat@contoso.com",
  });
});

t.test("a retired endpoint may answer 404 instead, and needs no reason", async (t) => {
  t.match(
    route("sip:ocschat@contoso.com", [row({ retired: 404 })], { defaultRoute: { proxy: "sip:fe.contoso.com" } }),
    {
      status: 404,
      reason: "Not Found",
      explanation: /^endpoint sip:ocschat@contoso\.com is retired$/,
      endpoint: "sip:ocschat@contoso.com",
    },
  );
});

t.test("the answers of failoverOn go into the decision, with either Request-URI", async (t) => {
  for (const requestUri of ["keep", "pool"] as const) {
    t.match(route("sip:ocschat@contoso.com", [row({ requestUri, failoverOn: "404,480" })]), {
      kind: "proxy",
      failoverOn: [404, 480],
    });
  }
  t.notHas(route("sip:ocschat@contoso.com", [row()]), { failoverOn: [] });
});
