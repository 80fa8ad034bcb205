import t from "tap";
import { CoreHarness, proxyTo } from "../support/core-harness.ts";
import { FRONT_END, lookupInvite, POOL, request } from "./texts.ts";

t.test("Max-Forwards 0: 483, and nothing is forwarded (§16.3 step 3)", async (t) => {
  const net = new CoreHarness();
  const frontEnd = net.udp(FRONT_END);
  frontEnd.says(lookupInvite().replace("Max-Forwards: 69", "Max-Forwards: 0"));
  t.equal(frontEnd.hears().status, 483);
  t.same(net.unheard, []);
  t.same(net.decisions, []);
});

t.test("Max-Forwards 1 is forwarded as 0 (§16.6 step 3)", async (t) => {
  const net = new CoreHarness();
  net.udp(FRONT_END).says(request("INFO").replace("Max-Forwards: 69", "Max-Forwards: 1"));
  t.equal(net.udp(POOL).hears().one("Max-Forwards"), "0");
});

t.test("a request without Max-Forwards is forwarded with 70 (§16.6 step 3)", async (t) => {
  const net = new CoreHarness();
  net.udp(FRONT_END).says(request("INFO").replace("Max-Forwards: 69\r\n", ""));
  t.equal(net.udp(POOL).hears().one("Max-Forwards"), "70");
});

for (const method of ["INVITE", "SUBSCRIBE"]) {
  t.test(`${method}: what comes back to us unchanged is a loop: 482 (RFC 5393 §4.2)`, async (t) => {
    const net = new CoreHarness();
    const [frontEnd, pool] = [net.udp(FRONT_END), net.udp(POOL)];
    frontEnd.says(request(method));
    const forwarded = pool.hears();
    const returned = forwarded.text
      .replace("Via: ", `Via: SIP/2.0/UDP ${POOL};branch=z9hG4bKpool\r\nVia: `)
      .replace("Max-Forwards: 68", "Max-Forwards: 67");
    net.clear();
    pool.says(returned);
    t.equal(pool.hears().status, 482);
    t.same(net.unheard, []);
  });
}

t.test("what comes straight back, with nobody's Via but ours, is a loop as well (RFC 5393 §4.2)", async (t) => {
  const net = new CoreHarness();
  const [frontEnd, pool] = [net.udp(FRONT_END), net.udp(POOL)];
  frontEnd.says(request("INFO"));
  const forwarded = pool.hears();
  const [ours, ...others] = forwarded.list("Via");
  t.ok(others.length > 0);
  const returned = forwarded.text.replace(/^Via: .*\r\n/gm, "").replace("Max-Forwards", `Via: ${ours}\r\nMax-Forwards`);
  net.clear();
  pool.says(returned);
  t.equal(pool.hears().status, 482);
  t.same(net.unheard, []);
});

t.test("what comes back with another Request-URI is a spiral, and goes on (RFC 5393 §4.2)", async (t) => {
  const net = new CoreHarness({ decide: proxyTo(`sip:${POOL}`) });
  const [frontEnd, pool] = [net.udp(FRONT_END), net.udp(POOL)];
  frontEnd.says(lookupInvite());
  const forwarded = pool.hears();
  net.clear();
  pool.says(
    forwarded.text
      .replace("INVITE sip:ocschat@contoso.com", "INVITE sip:rooms@contoso.com")
      .replace("Via: ", `Via: SIP/2.0/UDP ${POOL};branch=z9hG4bKpool\r\nVia: `),
  );
  const spiral = pool.inbox.find(({ method }) => method === "INVITE");
  t.equal(spiral?.requestUri, "sip:rooms@contoso.com");
  t.equal(spiral?.list("Via").length, 5);
});

t.test("a Via that only looks like ours is no loop: the branch is what tells (RFC 5393 §4.2)", async (t) => {
  const net = new CoreHarness();
  net
    .udp(FRONT_END)
    .says(
      lookupInvite().replace(
        "Via: SIP/2.0/tls",
        "Via: SIP/2.0/UDP gw.contoso.com:5060;branch=z9hG4bKother\r\nVia: SIP/2.0/tls",
      ),
    );
  t.equal(net.udp(POOL).hears().method, "INVITE");
});

t.test("the same request a second time, in a transaction of its own, is no loop", async (t) => {
  const net = new CoreHarness();
  net.udp(FRONT_END).says(request("INFO", { branch: "z9hG4bKone" }));
  net.udp(FRONT_END).says(request("INFO", { branch: "z9hG4bKtwo" }));
  t.equal(net.udp(POOL).inbox.length, 2);
});
