import t from "tap";
import { CoreHarness } from "../support/core-harness.ts";
import { ackOfFailure, CLIENT, FRONT_END, fromPool, inDialog, lookupInvite, NAMES, POOL } from "./texts.ts";

t.test("the ACK of a 2xx follows the route set to the pool, and nobody answers it (§13.2.2.4, §16.6)", async (t) => {
  const net = new CoreHarness({ names: NAMES });
  net.udp(FRONT_END).says(inDialog("ACK", { cseq: 1 }));
  const ack = net.udp(POOL).hears();
  t.equal(ack.startLine, "ACK sip:pcpool.contoso.com SIP/2.0");
  t.same(ack.all("Route"), []);
  t.equal(ack.one("Max-Forwards"), "68");
  t.match(ack.branch, /^z9hG4bK./);
  net.advance(60_000);
  t.same(net.unheard, []);
  t.match(net.core.load, { serverTransactions: 0, clientTransactions: 0, timers: 0 });
});

t.test("the whole INVITE: 200, its repetition, and an ACK for each of them pass (RFC 6026 §7)", async (t) => {
  const net = new CoreHarness({ names: NAMES });
  const [frontEnd, pool] = [net.udp(FRONT_END), net.udp(POOL)];
  frontEnd.says(lookupInvite());
  const invite = pool.hears();
  frontEnd.hears();
  for (const _ of [1, 2]) {
    pool.answers(invite, "200 OK");
    t.equal(frontEnd.hears().status, 200);
    frontEnd.says(inDialog("ACK", { cseq: 1 }));
    t.equal(pool.hears().method, "ACK");
    net.advance(500);
  }
  net.advance(60_000);
  t.same(net.unheard, [], "we ourselves repeat neither the 200 nor the ACK");
});

t.test("a branchless ACK of a 2xx is sent on too", async (t) => {
  const net = new CoreHarness({ names: NAMES });
  const client = net.udp(CLIENT, 50312);
  client.says(inDialog("ACK", { cseq: 1, sentBy: "10.1.4.23:50312" }).replace(";branch=z9hG4bKfe-ACK-1", ""));
  t.equal(net.udp(POOL).hears().method, "ACK");
});

t.test(
  "the ACK of a non-2xx ends here, and the pool gets one of ours with the INVITE's branch (§17.1.1.3)",
  async (t) => {
    const net = new CoreHarness();
    const [frontEnd, pool] = [net.udp(FRONT_END), net.udp(POOL)];
    const text = lookupInvite();
    frontEnd.says(text);
    const invite = pool.hears();
    frontEnd.hears();
    pool.answers(invite, "486 Busy Here");
    const ack = pool.hears();
    t.equal(ack.startLine, "ACK sip:ocschat@contoso.com SIP/2.0");
    t.same(ack.all("Via"), [invite.all("Via")[0]], "our Via alone, as it was on the INVITE");
    t.equal(ack.one("To"), "<sip:ocschat@contoso.com>;tag=pool-tag");
    t.equal(ack.one("From"), invite.one("From"));
    t.equal(ack.one("Call-ID"), invite.one("Call-ID"));
    t.equal(ack.one("CSeq"), "1 ACK");
    const busy = frontEnd.hears();
    t.equal(busy.status, 486);
    frontEnd.says(ackOfFailure(text, busy.one("To")));
    net.advance(60_000);
    t.same(net.unheard, []);
  },
);

t.test(
  "the ACK of a non-2xx is told by its topmost Via alone, be the rest well written or not (§17.2.3)",
  async (t) => {
    const net = new CoreHarness();
    const [frontEnd, pool] = [net.udp(FRONT_END), net.udp(POOL)];
    const text = lookupInvite();
    frontEnd.says(text);
    pool.answers(pool.hears(), "486 Busy Here");
    net.clear();
    frontEnd.says(ackOfFailure(text, "<sip:ocschat@contoso.com>;tag="));
    net.advance(60_000);
    t.same(net.unheard, [], "the 486 is not sent again");
    t.match(net.core.load, { serverTransactions: 0, clientTransactions: 0, timers: 0 });
  },
);

t.test("a repeated non-2xx of the pool is acknowledged again and not sent on again (§17.1.1.2)", async (t) => {
  const net = new CoreHarness();
  const [frontEnd, pool] = [net.udp(FRONT_END), net.udp(POOL)];
  frontEnd.says(lookupInvite());
  const invite = pool.hears();
  pool.answers(invite, "486 Busy Here");
  net.clear();
  pool.answers(invite, "486 Busy Here");
  t.equal(pool.hears().method, "ACK");
  t.same(frontEnd.inbox, []);
});

t.test("only our own Route is taken off an ACK; one that is not ours is followed", async (t) => {
  const net = new CoreHarness({ names: NAMES });
  const theirs = "<sip:fe01.contoso.com:5060;lr>";
  net
    .udp(POOL)
    .says(inDialog("ACK", { cseq: 1, route: `<sip:gw.contoso.com:5060;transport=udp;lr>, ${theirs}`, sentBy: POOL }));
  t.same(net.udp(FRONT_END).hears().list("Route"), [theirs]);
});

t.test("an ACK without a Route of ours is no business of ours: it is not relayed", async (t) => {
  const net = new CoreHarness({ names: NAMES });
  net.udp(FRONT_END).says(inDialog("ACK", { cseq: 1, route: "<sip:pcpool.contoso.com;lr>" }));
  net.udp(FRONT_END).says(inDialog("ACK", { cseq: 1 }).replace(/^Route:.*\r\n/m, ""));
  t.same(net.unheard, []);
});

t.test(
  "a caller that never sends an ACK gets the failure again until Timer H, then there is silence (§17.2.1)",
  async (t) => {
    const net = new CoreHarness();
    const [frontEnd, pool] = [net.udp(FRONT_END), net.udp(POOL)];
    frontEnd.says(lookupInvite());
    pool.answers(pool.hears(), "486 Busy Here");
    net.clear();
    net.advance(40_000);
    const sent = frontEnd.inbox.map((message) => message.at);
    const gaps = sent.map((at, i) => at - (sent[i - 1] ?? 1_000_000));
    t.same(gaps.slice(0, 5), [500, 1000, 2000, 4000, 4000], "Timer G: doubling up to T2");
    t.ok(sent.at(-1)! <= 1_032_000, "Timer H: none after 64 T1");
    t.match(net.core.load, { serverTransactions: 0, clientTransactions: 0, timers: 0 });
  },
);

t.test("over TCP the failure is sent once, ACK or not (§17.2.1)", async (t) => {
  const net = new CoreHarness();
  const frontEnd = net.tcp(FRONT_END, 50100);
  frontEnd.says(lookupInvite({ transport: "TCP" }));
  net.udp(POOL).answers(net.udp(POOL).hears(), "486 Busy Here");
  net.advance(40_000);
  t.same(
    frontEnd.inbox.map((message) => message.status),
    [100, 486],
  );
  t.match(net.core.load, { serverTransactions: 0, clientTransactions: 0, timers: 0 });
});

t.test("an ACK is never answered, however wrong it is (§17.1.1.3)", async (t) => {
  const net = new CoreHarness();
  const frontEnd = net.udp(FRONT_END);
  frontEnd.says(inDialog("ACK").replace("Max-Forwards: 69", "Max-Forwards: 0"));
  frontEnd.says(inDialog("ACK").replace("CSeq: 2 ACK", "CSeq: 2 INVITE"));
  frontEnd.says(inDialog("ACK").replace("sip:pcpool.contoso.com", "tel:+1"));
  frontEnd.says(inDialog("ACK").replace(/^Max-F/m, "Proxy-Require: x\r\nMax-F"));
  frontEnd.says(inDialog("ACK"));
  t.same(net.unheard, [], "nor when its next hop does not resolve");
});

t.test("the ACK of the client's 2xx to the pool's re-INVITE passes as well", async (t) => {
  const net = new CoreHarness({ names: NAMES });
  net.udp(POOL).says(fromPool("ACK", { cseq: 7 }));
  t.equal(net.udp(FRONT_END).hears().one("CSeq"), "7 ACK");
});
