import t from "tap";
import { CoreHarness } from "../support/core-harness.ts";
import { ackOfFailure, CLIENT, FRONT_END, lookupInvite, request } from "./texts.ts";

function redirecting(status: 302 | 303 = 302, contacts = ["sip:ocschat@pcpool.contoso.com:5061;transport=tls"]) {
  return new CoreHarness({
    decide: { kind: "redirect", status, contacts, endpoint: "sip:ocschat@contoso.com" },
  });
}

for (const [status, reason] of [
  [302, "Moved Temporarily"],
  [303, "See Other"],
] as const) {
  for (const method of ["INVITE", "SUBSCRIBE"]) {
    t.test(`${status} to ${method}, with the pool as Contact (§8.3)`, async (t) => {
      const net = redirecting(status);
      const frontEnd = net.udp(FRONT_END);
      frontEnd.says(request(method, { to: "<sip:OCSChat@contoso.com>" }));
      const answer = frontEnd.hears();
      t.equal(answer.startLine, `SIP/2.0 ${status} ${reason}`);
      t.same(answer.all("Contact"), ["<sip:ocschat@pcpool.contoso.com:5061;transport=tls>"]);
      t.same(answer.all("Via"), [
        `SIP/2.0/UDP 10.1.0.1:5060;branch=z9hG4bKfe-${method}-1`,
        "SIP/2.0/tls 10.1.4.23:50312",
      ]);
      t.equal(answer.one("From"), "<sip:alice@contoso.com>;tag=1182052772;epid=c97532c1946f");
      t.match(answer.one("To"), /^<sip:OCSChat@contoso\.com>;tag=\S+$/);
      t.same(answer.all("Record-Route"), []);
      t.equal(answer.one("Content-Length"), "0");
      t.same(net.unheard, [], "and nothing else, not even a 100 (§8.2.6.1)");
    });
  }
}

t.test("over UDP a redirect leaves no state: no timer, no transaction (§8.2.7)", async (t) => {
  const net = redirecting();
  net.udp(FRONT_END).says(lookupInvite());
  net.clear();
  t.match(net.core.load, { serverTransactions: 0, clientTransactions: 0, timers: 0, queries: 0 });
  net.advance(60_000);
  t.same(net.unheard, []);
});

t.test("a repeated request gets the same redirect again, with the same To tag (§8.2.7)", async (t) => {
  const net = redirecting();
  const frontEnd = net.udp(FRONT_END);
  frontEnd.says(lookupInvite());
  net.advance(500);
  frontEnd.says(lookupInvite());
  t.equal(frontEnd.hears().text, frontEnd.hears().text);
});

t.test("different calls get different To tags (§19.3)", async (t) => {
  const net = redirecting();
  const frontEnd = net.udp(FRONT_END);
  frontEnd.says(lookupInvite({ callId: "one" }));
  frontEnd.says(lookupInvite({ callId: "two" }));
  t.not(frontEnd.hears().toTag, frontEnd.hears().toTag);
});

t.test("the ACK of a redirect is swallowed (§8.2.7)", async (t) => {
  const net = redirecting();
  const frontEnd = net.udp(FRONT_END);
  frontEnd.says(lookupInvite());
  frontEnd.says(ackOfFailure(lookupInvite(), frontEnd.hears().one("To")));
  t.same(net.unheard, []);
});

t.test("several Contacts keep their order (§8.3)", async (t) => {
  const contacts = ["sip:ocschat@pcpool.contoso.com", "sip:ocschat@backup.contoso.com"];
  const net = redirecting(302, contacts);
  const frontEnd = net.udp(FRONT_END);
  frontEnd.says(lookupInvite());
  t.same(
    frontEnd.hears().list("Contact"),
    contacts.map((uri) => `<${uri}>`),
  );
});

t.test("a redirect goes back to a client behind NAT (RFC 3581 §4)", async (t) => {
  const net = redirecting();
  const client = net.udp(CLIENT, 40_000);
  client.says(lookupInvite({ sentBy: "192.168.0.2:5060", branch: "z9hG4bK1;rport" }));
  const answer = client.hears();
  t.equal(answer.status, 302);
  t.match(answer.all("Via")[0], /;rport=40000(;|$)/);
});

t.test("a redirect over TCP goes back on the same connection", async (t) => {
  const net = redirecting();
  const frontEnd = net.tcp(FRONT_END, 50100);
  frontEnd.says(lookupInvite({ transport: "TCP" }));
  t.equal(frontEnd.hears().status, 302);
  net.advance(60_000);
  t.same(net.unheard, []);
});
