import t from "tap";
import { CoreHarness, proxyTo } from "../support/core-harness.ts";
import { ackOfFailure, FRONT_END, inDialog, lookupInvite, POOL, POOL_2, request } from "./texts.ts";

function stage() {
  const net = new CoreHarness({ decide: proxyTo(`sip:${POOL}`) });
  return { net, frontEnd: net.udp(FRONT_END), pool: net.udp(POOL) };
}

for (const method of ["INVITE", "SUBSCRIBE", "OPTIONS"]) {
  t.test(`a gateway that stops answers ${method} outside of a dialog with 503 and a short Retry-After`, async (t) => {
    const { net, frontEnd, pool } = stage();
    net.core.leave();
    frontEnd.says(request(method));
    const refused = frontEnd.hears();
    t.equal(refused.status, 503);
    t.equal(refused.one("Retry-After"), "2", "without one it counts as a 500 (RFC 3261 §21.5.4)");
    t.match(refused.one("Warning"), "about to stop");
    t.same(pool.inbox, []);
    t.equal(net.core.underWay, 0);
  });
}

t.test("a gateway that stops still carries requests inside dialogs, and what opens none", async (t) => {
  const { net, frontEnd, pool } = stage();
  net.core.leave();
  frontEnd.says(inDialog("INFO", { headers: `Route: <sip:${POOL};lr>\r\n` }));
  t.equal(pool.hears().method, "INFO");
  frontEnd.says(request("REGISTER"));
  t.equal(pool.hears().method, "REGISTER");
});

t.test("a repeated INVITE that came before the stop is still recognised, and its CANCEL too (§17.2.1)", async (t) => {
  const { net, frontEnd, pool } = stage();
  frontEnd.says(lookupInvite());
  pool.answers(pool.hears(), "180 Ringing");
  net.core.leave();
  net.clear();
  frontEnd.says(lookupInvite());
  t.equal(frontEnd.hears().status, 180);
  frontEnd.says(request("CANCEL", { branch: "z9hG4bKfe-INVITE-1" }));
  t.equal(frontEnd.hears().status, 200);
  t.equal(pool.hears().method, "CANCEL");
});

t.test("a stop waits for what is under way", async (t) => {
  await t.test("a proxied request, once, until its final answer", async (t) => {
    const { net, frontEnd, pool } = stage();
    frontEnd.says(request("SUBSCRIBE"));
    t.equal(net.core.underWay, 1);
    pool.answers(pool.hears(), "200 OK");
    t.equal(net.core.underWay, 0);
  });

  await t.test("a request whose next hop is still looked up", async (t) => {
    const net = new CoreHarness({ decide: proxyTo("sip:pcpool.contoso.com"), locateLater: true });
    net.udp(FRONT_END).says(lookupInvite());
    t.equal(net.core.underWay, 1);
  });

  await t.test("a CANCEL of our own that the server has not answered (§9.1)", async (t) => {
    const net = new CoreHarness({
      decide: proxyTo(`sip:${POOL}`, `sip:${POOL_2}`),
      timers: { firstResponse: 1000 },
    });
    const [frontEnd, slow, quick] = [net.udp(FRONT_END), net.udp(POOL), net.udp(POOL_2)];
    frontEnd.says(lookupInvite());
    const late = slow.hears();
    net.advance(1100);
    quick.answers(quick.hears(), "200 OK");
    net.clear();
    slow.answers(late, "180 Ringing");
    const cancel = slow.hears();
    t.equal(cancel.method, "CANCEL");
    t.equal(net.core.unanswered, 0, "the caller has its answer");
    t.ok(net.core.underWay > 0, "and still there is something to wait for");
    slow.answers(cancel, "200 OK");
    slow.answers(late, "487 Request Terminated");
    t.equal(net.core.underWay, 0);
  });

  await t.test("a failure over UDP until its ACK: it may have been lost (§17.2.1)", async (t) => {
    const { net, frontEnd, pool } = stage();
    frontEnd.says(lookupInvite());
    pool.answers(pool.hears(), "486 Busy Here");
    t.equal(net.core.underWay, 1);
    const busy = frontEnd.inbox.find(({ status }) => status === 486)!;
    frontEnd.says(ackOfFailure(lookupInvite(), busy.one("To")));
    t.equal(net.core.underWay, 0);
  });
});
