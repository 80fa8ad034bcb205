import t from "tap";
import { EndpointTable } from "../../src/endpoints/table.ts";
import { parseNetwork } from "../../src/guard/networks.ts";
import { type TrustRule, TrustRules } from "../../src/guard/trust.ts";
import { decide } from "../../src/routing/route.ts";
import { row } from "../endpoints/row.ts";
import { CoreHarness, listener } from "../support/core-harness.ts";
import { FRONT_END, fromPool, inDialog, lookupInvite, NAMES, POOL } from "./texts.ts";

const STRANGER = "203.0.113.9";
const TABLE = new EndpointTable({ revision: 1, endpoints: [row()] });

/** A gateway with an endpoint and a default route, whose UDP listener trusts the front end's network alone. */
function gateway(rule: Partial<TrustRule> = {}): CoreHarness {
  const udp = listener("udp");
  const networks = [parseNetwork("10.1.0.0/16")!];
  const rules = new TrustRules([[udp, { networks, names: [], others: "refuse", ...rule }]]);
  return new CoreHarness({
    listeners: [udp, listener("tcp")],
    names: NAMES,
    routeKeys: [[1, 2]],
    decide: (request, source) =>
      decide({ ...request, trust: rules.of(source) }, TABLE, { defaultRoute: { proxy: "sip:fe01.contoso.com" } }),
  });
}

t.test("a trusted peer calls endpoints and uses the default route", async (t) => {
  const net = gateway();
  net.udp(FRONT_END).says(lookupInvite());
  t.equal(net.udp(POOL).hears().method, "INVITE");
  net.udp("10.1.7.7").says(lookupInvite({ uri: "sip:bob@contoso.com", callId: "other", branch: "z9hG4bKother" }));
  t.equal(net.udp(FRONT_END).inbox.at(-1)?.method, "INVITE");
});

t.test("an untrusted peer gets 403 with a Warning and ms-diagnostics, and nothing is sent on", async (t) => {
  const net = gateway();
  const stranger = net.udp(STRANGER);
  for (const uri of ["sip:ocschat@contoso.com", "sip:bob@contoso.com"]) {
    stranger.says(lookupInvite({ uri, callId: uri }));
    const answer = stranger.inbox.at(-1)!;
    t.equal(answer.startLine, "SIP/2.0 403 Forbidden");
    t.equal(answer.one("Warning"), '399 gw.contoso.com "203.0.113.9 is not trusted here"');
    t.match(answer.one("ms-diagnostics"), /^24403;reason="203\.0\.113\.9 is not trusted here"/);
  }
  t.same([net.udp(POOL).inbox, net.udp(FRONT_END).inbox], [[], []]);
  t.match(
    net.events.filter(({ type }) => type === "request"),
    [
      { decision: "reject", status: 403, explanation: "203.0.113.9 is not trusted here" },
      { decision: "reject", status: 403 },
    ],
  );
});

t.test("with `untrusted: endpoints` a stranger may call endpoints, and gets 403 for the default route", async (t) => {
  const net = gateway({ others: "endpoints" });
  const stranger = net.udp(STRANGER);
  stranger.says(lookupInvite());
  t.equal(net.udp(POOL).hears().method, "INVITE");
  stranger.says(lookupInvite({ uri: "sip:bob@contoso.com", callId: "other", branch: "z9hG4bKother" }));
  const answer = stranger.inbox.at(-1)!;
  t.equal(answer.status, 403);
  t.match(answer.one("Warning"), /sip:bob@contoso\.com is no endpoint here and 203\.0\.113\.9 may call nothing else/);
  t.same(net.udp(FRONT_END).inbox, []);
});

t.test("the pool of a dialog needs no trust: its requests prove by their Route that they belong to it", async (t) => {
  const net = gateway();
  net.udp(FRONT_END).says(lookupInvite());
  const invite = net.udp(POOL).hears();
  net.udp(POOL).answers(invite, "200 OK");
  t.equal(net.udp(FRONT_END).inbox.at(-1)?.status, 200, "and its answers are those to our requests");
  const [ours] = invite.list("Record-Route");
  net.udp(POOL).says(fromPool("INFO", { route: `${ours}, <sip:fe01.contoso.com:5060;lr>` }));
  t.equal(net.udp(FRONT_END).inbox.at(-1)?.method, "INFO");
});

t.test("a preloaded Route from a stranger is not followed: 403, trusted or not (§26.2.1)", async (t) => {
  for (const [from, transport] of [
    [STRANGER, "udp"],
    [FRONT_END, "udp"],
    // No rule on this listener: everybody is trusted there, and still no relay.
    [STRANGER, "tcp"],
  ] as const) {
    const net = gateway();
    const peer = net.peer(transport, from, 5060);
    peer.says(lookupInvite({ headers: "Route: <sip:gw.contoso.com;lr>, <sip:198.51.100.66;lr>\r\n" }));
    t.equal(peer.inbox.at(-1)?.status, 403, `${from} ${transport}`);
    t.same(net.dialled, []);
  }
});

t.test("a stranger's request in a dialog that is none of ours gets 481, as everybody's does", async (t) => {
  const net = gateway();
  const stranger = net.udp(STRANGER);
  stranger.says(inDialog("INFO"));
  t.equal(stranger.hears().status, 481);
});

t.test("networks of both families, single addresses and certificate names make a peer trusted", async (t) => {
  const tls = listener("tls");
  const rules = new TrustRules([
    [
      tls,
      {
        networks: ["10.1.0.0/16", "192.0.2.7", "2001:db8:1::/48"].map((text) => parseNetwork(text)!),
        names: ["fe01.contoso.com", "*.pools.contoso.com"],
        others: "endpoints",
      },
    ],
  ]);
  const flow = { listener: tls, transport: "tls", remotePort: 40_000, open: true } as const;
  for (const [address, peerNames, trust] of [
    ["10.1.255.255", undefined, "full"],
    ["10.2.0.0", undefined, "endpoints"],
    ["192.0.2.7", undefined, "full"],
    ["192.0.2.8", undefined, "endpoints"],
    ["2001:db8:1:ffff::1", undefined, "full"],
    ["2001:db8:2::1", undefined, "endpoints"],
    ["192.0.2.8", ["other.contoso.com", "fe01.contoso.com"], "full"],
    ["192.0.2.8", ["a.pools.contoso.com"], "full"],
    ["192.0.2.8", ["pools.contoso.com"], "endpoints"],
    ["192.0.2.8", ["a.b.pools.contoso.com"], "endpoints"],
    ["192.0.2.8", ["evilpools.contoso.com"], "endpoints"],
  ] as const) {
    t.equal(rules.of({ ...flow, remoteAddress: address, peerNames }), trust, `${address} ${peerNames}`);
  }
  const udp = listener("udp");
  t.equal(rules.of({ ...flow, listener: udp, transport: "udp", remoteAddress: "192.0.2.8" }), "full");
});
