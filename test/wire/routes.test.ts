import t from "tap";
import { CoreHarness, listener, sip } from "../support/core-harness.ts";
import { FRONT_END, inDialog, lookupInvite, NAMES, POOL } from "./texts.ts";

const NEXT = "10.3.0.1";

/** P2 of the examples of §16.12.1, between P1 at 10.1.0.1 and P3. */
function p2(): CoreHarness {
  return new CoreHarness({
    listeners: [listener("udp", "198.51.100.1", 5060, "p2.middle.com")],
    names: { "p3.example.com": [`udp:${NEXT}:5060`], "u1.example.com": [`udp:${NEXT}:5060`] },
  });
}

function bye(requestUri: string, ...routes: string[]): string {
  return sip`
    BYE ${requestUri} SIP/2.0
    Via: SIP/2.0/UDP 10.1.0.1:5060;branch=z9hG4bKp1
    ${routes.map((route) => `Route: ${route}\r\n`).join("")}From: <sip:callee@u2.domain.com>;tag=1
    To: <sip:caller@u1.example.com>;tag=2
    Max-Forwards: 70
    Call-ID: 1
    CSeq: 1 BYE
    Content-Length: 0
  `;
}

t.test("our Route comes off, the next loose router is followed, the Request-URI stays (§16.12.1.1)", async (t) => {
  const net = p2();
  net.udp(FRONT_END).says(bye("sip:caller@u1.example.com", "<sip:p2.middle.com;lr>,<sip:p3.example.com;lr>"));
  const out = net.udp(NEXT).hears();
  t.equal(out.requestUri, "sip:caller@u1.example.com");
  t.same(out.list("Route"), ["<sip:p3.example.com;lr>"]);
  t.equal(net.located.at(-1)?.host, "p3.example.com");
});

t.test("without a further Route the Request-URI is followed (§16.6 step 7)", async (t) => {
  const net = p2();
  net.udp(FRONT_END).says(bye("sip:caller@u1.example.com", "<sip:p2.middle.com;lr>"));
  const out = net.udp(NEXT).hears();
  t.equal(out.requestUri, "sip:caller@u1.example.com");
  t.same(out.all("Route"), []);
  t.equal(net.located.at(-1)?.host, "u1.example.com");
});

t.test(
  "a strict router next: its URI becomes the Request-URI, the old one the last Route (§16.6 step 6, §16.12.1.2)",
  async (t) => {
    const net = p2();
    net
      .udp(FRONT_END)
      .says(
        bye("sip:caller@u1.example.com", "<sip:p2.middle.com;lr>", "<sip:p3.example.com>", "<sip:p4.example.com;lr>"),
      );
    const out = net.udp(NEXT).hears();
    t.equal(out.requestUri, "sip:p3.example.com");
    t.same(out.list("Route"), ["<sip:p4.example.com;lr>", "<sip:caller@u1.example.com>"]);
  },
);

t.test(
  "a strict router before us: our URI in the Request-URI gives way to the last Route (§16.4, §16.12.1.2)",
  async (t) => {
    const net = p2();
    net.udp(FRONT_END).says(bye("sip:p2.middle.com;lr", "<sip:p3.example.com;lr>", "<sip:caller@u1.example.com;ob>"));
    const out = net.udp(NEXT).hears();
    t.equal(out.requestUri, "sip:caller@u1.example.com;ob");
    t.same(out.list("Route"), ["<sip:p3.example.com;lr>"]);
  },
);

t.test("a strict router before us, and nobody between us and the target (§16.4)", async (t) => {
  const net = p2();
  net.udp(FRONT_END).says(bye("sip:p2.middle.com;lr", "<sip:caller@u1.example.com>"));
  const out = net.udp(NEXT).hears();
  t.equal(out.requestUri, "sip:caller@u1.example.com");
  t.same(out.all("Route"), []);
});

t.test("strict routers on both sides of us (§16.4 and §16.6 step 6)", async (t) => {
  const net = p2();
  net.udp(FRONT_END).says(bye("sip:p2.middle.com;lr", "<sip:p3.example.com>", "<sip:caller@u1.example.com>"));
  const out = net.udp(NEXT).hears();
  t.equal(out.requestUri, "sip:p3.example.com");
  t.same(out.list("Route"), ["<sip:caller@u1.example.com>"]);
});

t.test("of a Route line that we share with others only our own value is taken out", async (t) => {
  const net = p2();
  net
    .udp(FRONT_END)
    .says(
      bye(
        "sip:caller@u1.example.com",
        '"us, really" <sip:p2.middle.com;lr> , "P3, Inc." <sip:a,b@p3.example.com;lr>;c="d,e"',
        "<sip:p4.example.com;lr>",
      ),
    );
  const out = net.udp(NEXT).hears();
  t.same(out.all("Route"), ['"P3, Inc." <sip:a,b@p3.example.com;lr>;c="d,e"', "<sip:p4.example.com;lr>"]);
});

t.test("a Route that names another port of our host is not ours", async (t) => {
  const net = new CoreHarness({ names: { ...NAMES, "gw.contoso.com": [`udp:${NEXT}:5099`] } });
  net
    .udp(FRONT_END)
    .says(inDialog("INFO", { route: "<sip:gw.contoso.com:5060;transport=udp;lr>, <sip:gw.contoso.com:5099;lr>" }));
  t.same(net.udp(NEXT, 5099).hears().list("Route"), ["<sip:gw.contoso.com:5099;lr>"]);
});

t.test("a new request whose only Route is ours is for the table to decide (§16.4, §16.5)", async (t) => {
  const net = new CoreHarness();
  net.udp(FRONT_END).says(lookupInvite({ headers: "Route: <sip:gw.contoso.com:5060;transport=udp;lr>\r\n" }));
  const out = net.udp(POOL).hears();
  t.same(out.all("Route"), []);
  t.same(net.decisions, [
    { method: "INVITE", requestUri: "sip:ocschat@contoso.com", transport: "udp", sourceAddress: FRONT_END },
  ]);
});

t.test("the next hop of a URI with maddr is the maddr (RFC 3263 §4)", async (t) => {
  const net = p2();
  net
    .udp(FRONT_END)
    .says(bye("sip:caller@u1.example.com", "<sip:p2.middle.com;lr>", `<sip:p3.example.com;maddr=${NEXT};lr>`));
  t.equal(net.udp(NEXT).hears().method, "BYE");
  t.equal(net.located.at(-1)?.host, NEXT);
});

for (const [title, theirs] of [
  ["carry that Route", "<sip:fe01.contoso.com:5060;opaque=state:T;lr>"],
  ["carry it with its name and parameters", '"FE 1" <sip:fe01.contoso.com:5060;lr>;x=y'],
] as const) {
  t.test(`the CANCEL and the ACK of an INVITE with a Route ${title} (§9.1, §17.1.1.3)`, async (t) => {
    const net = new CoreHarness({ names: NAMES });
    const [caller, frontEnd] = [net.udp("10.4.0.1"), net.udp(FRONT_END)];
    const route = `<sip:gw.contoso.com:5060;transport=udp;lr>, ${theirs}`;
    const invite = inDialog("INVITE", { route, sentBy: "10.4.0.1" });
    caller.says(invite);
    const forwarded = frontEnd.hears();
    frontEnd.answers(forwarded, "180 Ringing");
    caller.says(invite.replace(/INVITE(?= sip)/, "CANCEL").replace("2 INVITE", "2 CANCEL"));
    const cancel = frontEnd.hears();
    t.same([cancel.method, cancel.list("Route")], ["CANCEL", [theirs]]);
    frontEnd.answers(forwarded, "487 Request Terminated");
    const ack = frontEnd.hears();
    t.same([ack.method, ack.list("Route")], ["ACK", [theirs]]);
  });
}

t.test("a Route with our IPv6 address in another spelling is ours (RFC 5118 §4.5)", async (t) => {
  const net = new CoreHarness({ listeners: [listener("udp", "2001:db8::1", 5060, "2001:db8::1")] });
  net.udp("2001:db8::9").says(
    inDialog("INFO", {
      sentBy: "[2001:db8::9]",
      uri: "sip:[2001:db8::20]:5060",
      route: "<sip:[2001:0DB8:0:0:0:0:0:1]:5060;transport=udp;lr>",
    }),
  );
  t.same(net.udp("2001:db8::20").hears().all("Route"), []);
});
