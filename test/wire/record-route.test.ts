import t from "tap";
import { CoreHarness, GATEWAY, GATEWAY_V6, listener, proxyTo, sip } from "../support/core-harness.ts";
import { FRONT_END, inDialog, lookupInvite, NAMES, POOL, request } from "./texts.ts";

const POOL_V6 = "2001:db8::20";
const TWO_SIDES = { names: { ...NAMES, "fe01.contoso.com": [`tcp:${FRONT_END}:5060`] } };

t.test(
  "one Record-Route with our advertised name, port, transport and lr where both sides are alike (§16.6 step 4)",
  async (t) => {
    const net = new CoreHarness({ decide: proxyTo(`sip:${POOL}`) });
    net.udp(FRONT_END).says(lookupInvite());
    t.same(net.udp(POOL).hears().list("Record-Route"), ["<sip:gw.contoso.com:5060;transport=udp;lr>"]);
  },
);

t.test("two where the transport differs: the pool's side above the caller's side (RFC 5658)", async (t) => {
  const net = new CoreHarness({ decide: proxyTo(`sip:${POOL};transport=udp`) });
  net.tcp(FRONT_END, 50100).says(lookupInvite({ transport: "TCP" }));
  t.same(net.udp(POOL).hears().list("Record-Route"), [
    "<sip:gw.contoso.com:5060;transport=udp;lr;udp-only>",
    "<sip:gw.contoso.com:5060;transport=tcp;lr>",
  ]);
});

t.test("two where the address family differs, IPv6 in brackets in Record-Route and Via", async (t) => {
  const net = new CoreHarness({
    listeners: [listener("udp"), listener("udp", GATEWAY_V6, 5060, GATEWAY_V6)],
    decide: proxyTo("sip:pool6.contoso.com"),
    names: { "pool6.contoso.com": [`udp:[${POOL_V6}]:5060`] },
  });
  net.udp(FRONT_END).says(lookupInvite());
  const invite = net.udp(POOL_V6).hears();
  t.same(invite.list("Record-Route"), [
    "<sip:[2001:db8::1]:5060;transport=udp;lr>",
    "<sip:gw.contoso.com:5060;transport=udp;lr>",
  ]);
  t.match(invite.list("Via")[0], /^SIP\/2\.0\/UDP \[2001:db8::1\]:5060;branch=z9hG4bK/);
});

t.test("two where the port differs", async (t) => {
  const net = new CoreHarness({
    listeners: [listener("udp", undefined, 5070), listener("tcp", undefined, 5080)],
    decide: proxyTo(`sip:${POOL};transport=tcp`),
  });
  net.udp(FRONT_END).says(lookupInvite());
  t.same(net.tcp(POOL, 5060).hears().list("Record-Route"), [
    "<sip:gw.contoso.com:5080;transport=tcp;lr>",
    "<sip:gw.contoso.com:5070;transport=udp;lr>",
  ]);
});

t.test("the ephemeral port of a TCP connection is never told to anybody", async (t) => {
  const net = new CoreHarness({ decide: proxyTo(`sip:${POOL};transport=tcp`) });
  net.tcp(FRONT_END, 50100).says(lookupInvite({ transport: "TCP" }));
  const invite = net.tcp(POOL, 5060).hears();
  t.same(invite.list("Record-Route"), ["<sip:gw.contoso.com:5060;transport=tcp;lr>"]);
  t.match(invite.list("Via")[0], /^SIP\/2\.0\/TCP gw\.contoso\.com:5060;branch=z9hG4bK/);
  t.notMatch(invite.text, "50100");
});

t.test("Record-Routes of those before us stay below ours, as they came", async (t) => {
  const net = new CoreHarness();
  const [first, second] = ["<sip:fe01.contoso.com:5061;transport=tls;opaque=state:T:F;lr>", "<sip:edge;lr>;x=1"];
  net.udp(FRONT_END).says(request("INVITE", { headers: `Record-Route: ${first}\r\nRecord-Route: ${second}\r\n` }));
  t.same(net.udp(POOL).hears().all("Record-Route").slice(1), [first, second]);
});

t.test("SUBSCRIBE opens a dialog too and is record-routed", async (t) => {
  const net = new CoreHarness();
  net.udp(FRONT_END).says(request("SUBSCRIBE"));
  t.same(net.udp(POOL).hears().list("Record-Route"), ["<sip:gw.contoso.com:5060;transport=udp;lr>"]);
});

t.test("the caller's requests come with both of our Routes, and both are taken off (RFC 5658)", async (t) => {
  const net = new CoreHarness({ names: NAMES });
  const route = "<sip:gw.contoso.com:5060;transport=tcp;lr>, <sip:gw.contoso.com:5060;transport=udp;lr>";
  net.tcp(FRONT_END, 50100).says(inDialog("INFO", { transport: "TCP", route }));
  const info = net.udp(POOL).hears();
  t.equal(info.startLine, "INFO sip:pcpool.contoso.com SIP/2.0");
  t.same(info.all("Route"), []);
});

t.test("the pool's requests come with both of our Routes, and leave on the caller's side (RFC 5658)", async (t) => {
  const net = new CoreHarness(TWO_SIDES);
  net.udp(POOL).says(sip`
    INFO sip:alice@contoso.com;opaque=user:epid:b514060a2da2;gruu SIP/2.0
    Via: SIP/2.0/UDP ${POOL}:5060;branch=z9hG4bKpool1
    Route: <sip:gw.contoso.com:5060;transport=udp;lr>
    Route: <sip:gw.contoso.com:5060;transport=tcp;lr>
    Route: <sip:fe01.contoso.com:5060;transport=tcp;opaque=state:T:F;lr>
    From: <sip:ocschat@contoso.com>;tag=1347777be4
    To: <sip:alice@contoso.com>;tag=1182052772
    Max-Forwards: 70
    Call-ID: 1
    CSeq: 1 INFO
    Content-Length: 0
  `);
  const info = net.tcp(FRONT_END, 5060).hears();
  t.same(info.list("Route"), ["<sip:fe01.contoso.com:5060;transport=tcp;opaque=state:T:F;lr>"]);
  t.match(info.list("Via")[0], /^SIP\/2\.0\/TCP gw\.contoso\.com:5060;/);
});

for (const [spelling, route] of [
  ["in capitals", "<sip:GW.Contoso.COM:5060;Transport=UDP;LR>"],
  ["without a port", "<sip:gw.contoso.com;lr>"],
  ["by its address", "<sip:198.51.100.1:5060;lr>"],
  ["with parameters that somebody added", "<sip:gw.contoso.com:5060;transport=udp;lr;ms-fe=1>;note=x"],
  ["with a value for lr, as some Microsoft servers write it", "<sip:gw.contoso.com:5060;transport=udp;lr=on>"],
] as const) {
  t.test(`our own Route is known again ${spelling} (§16.4)`, async (t) => {
    const net = new CoreHarness({ names: NAMES });
    net.udp(FRONT_END).says(inDialog("INFO", { route }));
    t.same(net.udp(POOL).hears().all("Route"), []);
    t.same(net.decisions, []);
  });
}

const GATEWAY_2 = "198.51.100.2";
const KINDS = [
  listener("udp"),
  listener("tcp", GATEWAY, 5070),
  listener("tcp", GATEWAY, 5060, "GW-2.Contoso.COM"),
  listener("tls", GATEWAY, 5061),
  listener("ws", GATEWAY, 8080),
  listener("wss", GATEWAY, 443),
  listener("udp", GATEWAY_2, 5060, GATEWAY_2),
  listener("tls", GATEWAY_V6, 5061, GATEWAY_V6),
  listener("tcp", GATEWAY_V6, 5062, "2001:DB8:0::1"),
  { ...listener("tcp"), recordRoute: "pair.contoso.com" },
  { ...listener("tls", GATEWAY, 5061), recordRoute: "Pair.Contoso.com" },
  // Behind an address translation.
  { ...listener("udp", GATEWAY, 5060), advertisedPort: 35060 },
];
for (const at of KINDS) {
  const name = at.recordRoute ?? `${at.advertisedHost}:${at.advertisedPort}`;
  t.test(`what ${name} over ${at.transport} writes into Record-Route, Waypost knows as its own (§16.4)`, async (t) => {
    const toPool = listener("udp", GATEWAY, 5090);
    const net = new CoreHarness({
      listeners: [at, toPool],
      decide: proxyTo(`sip:${POOL};transport=udp`),
      names: NAMES,
    });
    const caller = net.peer(at.transport, at.family === 6 ? "2001:db8::99" : FRONT_END, 50100);
    const transport = at.transport.toUpperCase();
    caller.says(lookupInvite({ transport }));
    const pool = net.peer("udp", POOL, 5060);
    const invite = pool.hears();
    const routes = invite.list("Record-Route").reverse();
    t.ok(routes.length > 0);
    t.equal(net.decisions.length, 1);
    net.clear();
    caller.says(inDialog("BYE", { transport, route: routes.join(", ") }));
    t.same(pool.hears().all("Route"), []);
    t.equal(net.decisions.length, 1, "it was no new request for the table");
  });
}

t.test("a sips: Request-URI is record-routed as sips: (§16.6 step 4)", async (t) => {
  const net = new CoreHarness({ decide: proxyTo(`sip:${POOL}`) });
  net.udp(FRONT_END).says(lookupInvite({ uri: "sips:ocschat@contoso.com" }));
  t.same(net.udp(POOL).hears().list("Record-Route"), ["<sips:gw.contoso.com:5060;transport=udp;lr>"]);
});
