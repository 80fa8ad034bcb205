import t from "tap";
import { CoreHarness, type Message, type Peer, proxyTo } from "../support/core-harness.ts";
import { FRONT_END, lookupInvite, POOL, request } from "./texts.ts";

const CANCEL = request("CANCEL", { branch: "z9hG4bKfe-INVITE-1" });

function ringing(...provisionals: string[]): { net: CoreHarness; frontEnd: Peer; pool: Peer; invite: Message } {
  const net = new CoreHarness({ decide: proxyTo(`sip:${POOL}`) });
  const [frontEnd, pool] = [net.udp(FRONT_END), net.udp(POOL)];
  frontEnd.says(lookupInvite());
  const invite = pool.hears();
  for (const status of provisionals) pool.answers(invite, status);
  net.clear();
  return { net, frontEnd, pool, invite };
}

t.test(
  "a CANCEL is answered 200 by us and goes to the pool with the INVITE's branch (§9.1, §9.2, §16.10)",
  async (t) => {
    const { frontEnd, pool, invite } = ringing("180 Ringing");
    frontEnd.says(CANCEL);
    const ok = frontEnd.hears();
    t.same([ok.status, ok.one("CSeq")], [200, "1 CANCEL"]);
    const cancel = pool.hears();
    t.equal(cancel.startLine, "CANCEL sip:ocschat@contoso.com SIP/2.0");
    t.same(cancel.all("Via"), [invite.all("Via")[0]]);
    t.equal(cancel.one("CSeq"), "1 CANCEL");
    for (const name of ["From", "To", "Call-ID"]) t.equal(cancel.one(name), invite.one(name), name);
    t.equal(cancel.one("Content-Length"), "0");
  },
);

t.test("the pool's 487 ends the call, with an ACK to the pool (§9.1)", async (t) => {
  const { frontEnd, pool, invite } = ringing("180 Ringing");
  frontEnd.says(CANCEL);
  pool.answers(pool.hears(), "200 OK");
  frontEnd.hears();
  pool.answers(invite, "487 Request Terminated");
  t.equal(pool.hears().method, "ACK");
  const terminated = frontEnd.hears();
  t.same([terminated.status, terminated.one("CSeq")], [487, "1 INVITE"]);
  t.same(frontEnd.inbox, [], "the pool's answer to the CANCEL is not sent on");
});

t.test("a CANCEL before any provisional answer waits for one (§9.1)", async (t) => {
  const { frontEnd, pool, invite } = ringing();
  frontEnd.says(CANCEL);
  t.equal(frontEnd.hears().status, 200);
  t.same(pool.inbox, []);
  pool.answers(invite, "100 Trying");
  t.equal(pool.hears().method, "CANCEL");
});

t.test("a CANCEL of an INVITE that the pool never answers ends the call all the same", async (t) => {
  const { net, frontEnd } = ringing();
  frontEnd.says(CANCEL);
  net.advance(120_000);
  t.ok(frontEnd.inbox.some((message) => message.status >= 400 && message.one("CSeq") === "1 INVITE"));
  t.match(net.core.load, { serverTransactions: 0, clientTransactions: 0, timers: 0 });
});

t.test("a CANCEL of an INVITE that the pool never ends gives up after 64 T1 (§9.1)", async (t) => {
  const { net, frontEnd } = ringing("180 Ringing");
  frontEnd.says(CANCEL);
  frontEnd.hears();
  net.advance(40_000);
  t.ok(frontEnd.inbox.some(({ status }) => status >= 400));
});

t.test("a 200 that crosses the CANCEL is sent on: the call stands (§9.1, §16.7 step 5)", async (t) => {
  const { frontEnd, pool, invite } = ringing("180 Ringing");
  frontEnd.says(CANCEL);
  frontEnd.hears();
  pool.answers(invite, "200 OK");
  const ok = frontEnd.hears();
  t.same([ok.status, ok.one("CSeq")], [200, "1 INVITE"]);
});

t.test("a cancelled INVITE is tried at no further server", async (t) => {
  const net = new CoreHarness({ decide: proxyTo(`sip:${POOL}`, "sip:10.2.0.2") });
  const [frontEnd, pool] = [net.udp(FRONT_END), net.udp(POOL)];
  frontEnd.says(lookupInvite());
  const invite = pool.hears();
  pool.answers(invite, "180 Ringing");
  frontEnd.says(CANCEL);
  pool.answers(invite, "503 Service Unavailable");
  net.advance(60_000);
  t.same(net.udp("10.2.0.2").inbox, []);
});

t.test("a CANCEL while the pool's name is being looked up: 487, and the pool hears nothing", async (t) => {
  const net = new CoreHarness({ decide: proxyTo("sip:pcpool.contoso.com"), locateLater: true });
  const frontEnd = net.udp(FRONT_END);
  frontEnd.says(lookupInvite());
  frontEnd.hears();
  frontEnd.says(CANCEL);
  t.same(frontEnd.inbox.map((message) => `${message.status} ${message.one("CSeq")}`).sort(), [
    "200 1 CANCEL",
    "487 1 INVITE",
  ]);
  t.match(net.core.load, { queries: 0 });
});

t.test("a CANCEL of nothing gets 481 (§9.2)", async (t) => {
  const net = new CoreHarness();
  const frontEnd = net.udp(FRONT_END);
  frontEnd.says(CANCEL);
  t.equal(frontEnd.hears().status, 481);
  t.same(net.unheard, []);
});

t.test("a CANCEL after the final answer changes nothing (§9.2)", async (t) => {
  const { frontEnd, pool, invite } = ringing();
  pool.answers(invite, "486 Busy Here");
  pool.hears();
  frontEnd.hears();
  frontEnd.says(CANCEL);
  t.equal(frontEnd.hears().status, 200);
  t.same(pool.inbox, []);
});

t.test("the caller's Reason goes along with the CANCEL (RFC 3326)", async (t) => {
  const { frontEnd, pool } = ringing("180 Ringing");
  frontEnd.says(CANCEL.replace(/^Max-F/m, 'Reason: SIP;cause=200;text="Call completed elsewhere"\r\nMax-F'));
  t.equal(pool.hears().one("Reason"), 'SIP;cause=200;text="Call completed elsewhere"');
});

t.test("a repeated CANCEL is answered again and not sent again", async (t) => {
  const { frontEnd, pool } = ringing("180 Ringing");
  frontEnd.says(CANCEL);
  frontEnd.says(CANCEL);
  t.same(
    frontEnd.inbox.map(({ status }) => status),
    [200, 200],
  );
  t.equal(pool.inbox.length, 1);
});
