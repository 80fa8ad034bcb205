import t from "tap";
import { CoreHarness } from "../support/core-harness.ts";
import { FRONT_END, lookupInvite, request } from "./texts.ts";

const STRANGER = {
  kind: "reject",
  status: 404,
  reason: "Not Found",
  explanation: 'no endpoint is mapped to "sip:x@contoso.com"',
} as const;

t.test("a stranger's request gets 404 with a Warning and an ms-diagnostics header that say why", async (t) => {
  const net = new CoreHarness({ decide: STRANGER });
  const frontEnd = net.udp(FRONT_END);
  frontEnd.says(lookupInvite());
  const answer = frontEnd.inbox.at(-1)!;
  t.equal(answer.startLine, "SIP/2.0 404 Not Found");
  t.match(answer.one("Warning"), /^399 \S+ "no endpoint is mapped to .*sip:x@contoso\.com.*"$/);
  t.match(answer.one("ms-diagnostics"), /^\d+;.*reason="no endpoint is mapped to .*sip:x@contoso\.com/);
  t.equal(answer.one("Content-Length"), "0");
  t.ok(answer.toTag, "with a To tag (§8.2.6.2)");
});

t.test("an explanation cannot break out of its header", async (t) => {
  const net = new CoreHarness({ decide: { ...STRANGER, explanation: 'a"\r\nX-Evil: 1\r\n\\' } });
  const frontEnd = net.udp(FRONT_END);
  frontEnd.says(lookupInvite());
  t.same(frontEnd.inbox.at(-1)?.all("X-Evil"), []);
});

t.test("a repeated request gets the same refusal again, To tag included (§8.2.7)", async (t) => {
  const net = new CoreHarness({ decide: STRANGER });
  const frontEnd = net.udp(FRONT_END);
  frontEnd.says(lookupInvite());
  frontEnd.says(lookupInvite());
  const refusals = frontEnd.inbox.filter(({ status }) => status === 404);
  t.equal(refusals.length, 2);
  t.equal(refusals[0]?.text, refusals[1]?.text);
});

t.test("416 for a Request-URI that is no SIP URI (§16.3 step 2)", async (t) => {
  for (const uri of ["tel:+13035551111", "http://contoso.com/", "mailto:ocschat@contoso.com"]) {
    const net = new CoreHarness();
    const frontEnd = net.udp(FRONT_END);
    frontEnd.says(request("INVITE", { uri }));
    t.equal(frontEnd.inbox.at(-1)?.status, 416, uri);
  }
});

t.test("420 with Unsupported for any Proxy-Require (§16.3 step 5)", async (t) => {
  const net = new CoreHarness();
  const frontEnd = net.udp(FRONT_END);
  frontEnd.says(request("INVITE", { headers: "Proxy-Require: sec-agree, foo\r\nProxy-Require: bar\r\n" }));
  const answer = frontEnd.inbox.at(-1)!;
  t.equal(answer.status, 420);
  t.same(answer.list("Unsupported"), ["sec-agree", "foo", "bar"]);
});

t.test("Require is the pool's matter, not a proxy's (§16.3 step 5)", async (t) => {
  const net = new CoreHarness();
  net.udp(FRONT_END).says(request("INVITE", { headers: "Require: timer\r\n" }));
  t.equal(net.udp("10.2.0.1").hears().one("Require"), "timer");
});

for (const [title, broken] of [
  ["a CSeq of another method", lookupInvite().replace("1 INVITE", "1 INFO")],
  ["no Call-ID", lookupInvite().replace(/^Call-ID.*\r\n/m, "")],
  ["no To", lookupInvite().replace(/^To.*\r\n/m, "")],
  ["no From", lookupInvite().replace(/^From.*\r\n/m, "")],
  ["two From", lookupInvite().replace(/^From/m, "From: <sip:b@contoso.com>;tag=2\r\nFrom")],
  ["no CSeq", lookupInvite().replace(/^CSeq.*\r\n/m, "")],
  ["a Max-Forwards that is no number", lookupInvite().replace("Max-Forwards: 69", "Max-Forwards: many")],
  ["a line without a colon", lookupInvite().replace(/^To:/m, "nonsense\r\nTo:")],
  ["a Request-URI without a host", lookupInvite().replace("sip:ocschat@contoso.com SIP", "sip:ocschat@ SIP")],
  ["a bare LF in a header", lookupInvite().replace(/^To:/m, "X: a\nTo:")],
  ["a body shorter than Content-Length", lookupInvite().replace("Content-Length: 0", "Content-Length: 10")],
  ["a malformed Route", lookupInvite({ headers: "Route: <sip:gw.contoso.com:5060;lr\r\n" })],
] as const) {
  t.test(`400 for ${title} (§16.3 step 1)`, async (t) => {
    const net = new CoreHarness();
    const frontEnd = net.udp(FRONT_END);
    frontEnd.says(broken);
    t.equal(frontEnd.inbox.at(-1)?.status, 400);
    t.same(net.decisions, []);
    t.match(frontEnd.inbox.at(-1)?.one("Warning"), /^399 \S+ ".+"$/, "with the reason");
  });
}

t.test("505 for another SIP version (§21.5.6)", async (t) => {
  const net = new CoreHarness();
  const frontEnd = net.udp(FRONT_END);
  frontEnd.says(lookupInvite().replace("contoso.com SIP/2.0", "contoso.com SIP/3.0"));
  t.equal(frontEnd.inbox.at(-1)?.status, 505);
});

for (const [title, text] of [
  ["what is not SIP", "GET / HTTP/1.1\r\nHost: gw.contoso.com\r\n\r\n"],
  ["a lone start line", "INVITE sip:ocschat@contoso.com SIP/2.0\r\n\r\n"],
  ["an empty datagram", ""],
  ["random bytes", "\x00\xff\x80\r\n\x07"],
  ["a request without Via", lookupInvite().replace(/^Via.*\r\n/gm, "")],
  ["a broken ACK", request("ACK").replace("1 ACK", "1 INVITE")],
  ["a response without CSeq", `SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP gw.contoso.com:5060;branch=z9hG4bK1\r\n\r\n`],
] as const) {
  t.test(`${title} is dropped and counted`, async (t) => {
    const net = new CoreHarness();
    net.udp(FRONT_END).says(text);
    t.same(net.unheard, []);
    t.match(net.events, [{ type: "dropped" }]);
  });
}

t.test("an OPTIONS to the gateway itself is answered by it (§11)", async (t) => {
  const net = new CoreHarness();
  const frontEnd = net.udp(FRONT_END);
  frontEnd.says(request("OPTIONS", { uri: "sip:gw.contoso.com:5060" }));
  const answer = frontEnd.hears();
  t.equal(answer.status, 200);
  t.match(answer.one("Allow"), /\bINVITE\b.*\bOPTIONS\b/);
  t.ok(answer.toTag);
  t.same(net.decisions, []);
});
