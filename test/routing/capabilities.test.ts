import t from "tap";
import { type EngineCapabilities, rowFault } from "../../src/routing/capabilities.ts";
import { row } from "../endpoints/row.ts";

const able: EngineCapabilities = {
  engine: "embedded",
  transports: ["udp", "tcp"],
  requestUri: "any",
  staticHosts: new Map(),
  registers: true,
  proxies: "any",
};
const drachtio: EngineCapabilities = {
  engine: "drachtio",
  transports: ["udp", "tcp", "tls"],
  requestUri: { poolFor: ["contoso.com"] },
  staticHosts: new Map([["pcpool.contoso.com", []]]),
  registers: false,
  proxies: ["INVITE"],
};

t.test("a row whose transport has no listener cannot be proxied, but can redirect", async (t) => {
  t.equal(rowFault(row({ transport: "tls" }), able), "its transport is tls, and there is no tls listener to call from");
  t.equal(rowFault(row({ transport: "tls", mode: "redirect" }), able), undefined);
  t.equal(rowFault(row({ transport: "tls", enabled: false }), able), undefined);
  t.equal(rowFault(row({ transport: "tls", retired: 410 }), able), undefined);
  t.equal(rowFault(row(), able), undefined);
  t.match(rowFault(row(), { ...able, transports: [] }), /no udp, tcp or tls listener/);
});

t.test("drachtio-server alone decides whose Request-URI becomes that of the pool: by its dns-names", async (t) => {
  const dns = { poolFqdn: "pool.contoso.com" };
  t.match(
    rowFault(row({ ...dns }), drachtio),
    /requestUri is keep, .* contoso\.com, which is one of drachtio\.dnsNames/,
  );
  t.equal(rowFault(row({ ...dns, requestUri: "pool" }), drachtio), undefined);
  const fabrikam = { ...dns, sipAddress: "sip:ocschat@Fabrikam.com" };
  t.match(rowFault(row({ ...fabrikam, requestUri: "pool" }), drachtio), /fabrikam\.com as it is, which is none/);
  t.equal(rowFault(row(fabrikam), drachtio), undefined);
});

t.test("with drachtio nobody registers, whatever the mode", async (t) => {
  const asking = row({ mode: "redirect", register: true });
  t.equal(rowFault(asking, drachtio), "it asks to be registered, and engine drachtio does not register");
  t.equal(rowFault(asking, able), undefined);
});

t.test(
  "a pool that only resolve.hosts knows cannot stand in a Request-URI that drachtio-server resolves",
  async (t) => {
    const rewritten = row({ requestUri: "pool" });
    t.match(rowFault(rewritten, drachtio), /pool pcpool\.contoso\.com has its addresses in resolve\.hosts/);
    t.match(
      rowFault({ ...rewritten, poolFqdn: "p.contoso.com", backupPool: "PCPool.contoso.com" }, drachtio),
      /PCPool/,
    );
    t.equal(rowFault(row({ sipAddress: "sip:a@fabrikam.com" }), drachtio), undefined);
  },
);
