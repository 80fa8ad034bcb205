import t from "tap";
import { CoreHarness, proxyTo, sip } from "../support/core-harness.ts";
import { CLIENT, FRONT_END, POOL } from "./texts.ts";

/** A client attached directly: no branch anywhere. */
function direct(method: string, cseq: number, callId = "call-1", to = "<sip:ocschat@contoso.com>"): string {
  return sip`
    ${method} sip:ocschat@contoso.com SIP/2.0
    Via: SIP/2.0/udp 10.1.4.23:50312
    From: <sip:alice@contoso.com>;tag=1182052772;epid=c97532c1946f
    To: ${to}
    Max-Forwards: 70
    CSeq: ${cseq} ${method}
    Call-ID: ${callId}
    Content-Length: 0
  `;
}

t.test("lower Vias without a branch travel to the pool and back", async (t) => {
  const net = new CoreHarness({ decide: proxyTo(`sip:${POOL}`) });
  const [frontEnd, pool] = [net.udp(FRONT_END), net.udp(POOL)];
  frontEnd.says(sip`
    INVITE sip:ocschat@contoso.com SIP/2.0
    Via: SIP/2.0/UDP 10.1.0.1:5060;branch=z9hG4bKfe1
    Via: SIP/2.0/tls 10.1.4.23:50312;ms-received-port=50312;ms-received-cid=1A00
    From: <sip:alice@contoso.com>;tag=1
    To: <sip:ocschat@contoso.com>
    Max-Forwards: 69
    Call-ID: 1
    CSeq: 1 INVITE
    Content-Length: 0
  `);
  const invite = pool.hears();
  const vias = [
    "SIP/2.0/UDP 10.1.0.1:5060;branch=z9hG4bKfe1",
    "SIP/2.0/tls 10.1.4.23:50312;ms-received-port=50312;ms-received-cid=1A00",
  ];
  t.same(invite.all("Via").slice(1), vias);
  t.equal(frontEnd.hears().status, 100);
  pool.answers(invite, "200 OK");
  t.same(frontEnd.hears().all("Via"), vias);
});

t.test("a request whose topmost Via has no branch is proxied and answered", async (t) => {
  const net = new CoreHarness();
  const [client, pool] = [net.udp(CLIENT, 50312), net.udp(POOL)];
  client.says(direct("INVITE", 1));
  pool.answers(pool.hears(), "200 OK");
  t.equal(client.hears().status, 100);
  const ok = client.hears();
  t.equal(ok.status, 200);
  t.same(ok.all("Via"), ["SIP/2.0/udp 10.1.4.23:50312"]);
});

t.test("an INVITE without branch that is repeated is answered again and not forwarded again (§17.2.3)", async (t) => {
  const net = new CoreHarness();
  const [client, pool] = [net.udp(CLIENT, 50312), net.udp(POOL)];
  client.says(direct("INVITE", 1));
  const invite = pool.hears();
  client.hears();
  client.says(direct("INVITE", 1));
  t.same(pool.inbox, []);
  t.equal(client.hears().status, 100);
  pool.answers(invite, "180 Ringing");
  client.hears();
  client.says(direct("INVITE", 1));
  t.equal(client.hears().status, 180, "the latest provisional answer is the one that is repeated");
});

t.test("an INFO without branch that is repeated is answered again and not forwarded again (§17.2.3)", async (t) => {
  const net = new CoreHarness();
  const [client, pool] = [net.udp(CLIENT, 50312), net.udp(POOL)];
  client.says(direct("INFO", 2));
  pool.answers(pool.hears(), "200 OK");
  t.equal(client.hears().status, 200);
  client.says(direct("INFO", 2));
  t.equal(client.hears().status, 200);
  t.same(pool.inbox, []);
});

t.test("requests without branch are told apart by method and CSeq (§17.2.3)", async (t) => {
  const net = new CoreHarness();
  const [client, pool] = [net.udp(CLIENT, 50312), net.udp(POOL)];
  client.says(direct("INVITE", 1));
  client.says(direct("INFO", 2));
  client.says(direct("INFO", 3));
  client.says(direct("UPDATE", 3));
  t.same(
    pool.inbox.map((m) => m.one("CSeq")),
    ["1 INVITE", "2 INFO", "3 INFO", "3 UPDATE"],
  );
});

t.test("requests without branch are told apart by Call-ID, and their answers too (§17.2.3)", async (t) => {
  const net = new CoreHarness();
  const [client, pool] = [net.udp(CLIENT, 50312), net.udp(POOL)];
  client.says(direct("INVITE", 1, "call-1"));
  client.says(direct("INVITE", 1, "call-2"));
  const [first, second] = [pool.hears(), pool.hears()];
  net.clear();
  pool.answers(second, "486 Busy Here");
  t.same([client.inbox[0]?.status, client.hears().one("Call-ID")], [486, "call-2"]);
  pool.answers(first, "200 OK");
  t.same([client.inbox[0]?.status, client.hears().one("Call-ID")], [200, "call-1"]);
});

t.test("the ACK of a non-2xx, without branch, ends the repetitions and is not forwarded (§17.2.3)", async (t) => {
  const net = new CoreHarness();
  const [client, pool] = [net.udp(CLIENT, 50312), net.udp(POOL)];
  client.says(direct("INVITE", 1));
  pool.answers(pool.hears(), "486 Busy Here");
  net.clear();
  client.says(direct("ACK", 1, "call-1", "<sip:ocschat@contoso.com>;tag=pool-tag"));
  net.advance(40_000);
  t.same(net.unheard, []);
});

t.test("a CANCEL without branch finds its INVITE (§9.2, §17.2.3)", async (t) => {
  const net = new CoreHarness();
  const [client, pool] = [net.udp(CLIENT, 50312), net.udp(POOL)];
  client.says(direct("INVITE", 1));
  const invite = pool.hears();
  pool.answers(invite, "180 Ringing");
  net.clear();
  client.says(direct("CANCEL", 1));
  const ok = client.hears();
  t.same([ok.status, ok.one("CSeq")], [200, "1 CANCEL"]);
  t.equal(pool.hears().startLine, "CANCEL sip:ocschat@contoso.com SIP/2.0");
});
