import t from "tap";
import { CoreHarness, proxyTo } from "../support/core-harness.ts";
import { FRONT_END, POOL, request } from "./texts.ts";

const T0 = 1_000_000;

t.test("no 100 for a non-INVITE over UDP before Timer E has reached T2, then one (RFC 4320 §4.1)", async (t) => {
  const net = new CoreHarness();
  const frontEnd = net.udp(FRONT_END);
  frontEnd.says(request("INFO"));
  net.advance(3_499);
  t.same(frontEnd.inbox, []);
  net.advance(501);
  t.same(
    frontEnd.inbox.map(({ status }) => status),
    [100],
  );
});

t.test("a 100 of the pool for a non-INVITE is not sent on (RFC 4320 §4.1, §16.7 step 5)", async (t) => {
  const net = new CoreHarness();
  const [frontEnd, pool] = [net.udp(FRONT_END), net.udp(POOL)];
  frontEnd.says(request("INFO"));
  pool.answers(pool.hears(), "100 Trying");
  t.same(frontEnd.inbox, []);
});

t.test(
  "a non-INVITE outside of a dialog that nobody answers gets no 408, and leaves nothing behind (RFC 4320 §4.2)",
  async (t) => {
    const net = new CoreHarness();
    const frontEnd = net.udp(FRONT_END);
    frontEnd.says(request("SUBSCRIBE"));
    net.advance(120_000);
    t.same(
      frontEnd.inbox.filter(({ status }) => status >= 200),
      [],
    );
    t.match(net.core.load, { serverTransactions: 0, clientTransactions: 0, timers: 0 });
  },
);

t.test("a 408 of the pool to a non-INVITE is not sent on (RFC 4320 §4.2)", async (t) => {
  const net = new CoreHarness();
  const [frontEnd, pool] = [net.udp(FRONT_END), net.udp(POOL)];
  frontEnd.says(request("SUBSCRIBE"));
  pool.answers(pool.hears(), "408 Request Timeout");
  net.advance(120_000);
  t.same(
    frontEnd.inbox.filter(({ status }) => status === 408),
    [],
  );
});

t.test("an answer that comes after Timer F is not sent on (RFC 4320 §4.3)", async (t) => {
  const net = new CoreHarness();
  const [frontEnd, pool] = [net.udp(FRONT_END), net.udp(POOL)];
  frontEnd.says(request("SUBSCRIBE"));
  const late = pool.hears();
  net.advance(120_000);
  net.clear();
  pool.answers(late, "200 OK");
  t.same(net.unheard, []);
});

t.test("a non-INVITE is repeated over UDP at T1, doubling up to T2, until Timer F (§17.1.2.2)", async (t) => {
  const net = new CoreHarness({ decide: proxyTo(`sip:${POOL}`) });
  net.udp(FRONT_END).says(request("SUBSCRIBE"));
  net.advance(60_000);
  const sent = net.udp(POOL).inbox.map(({ at }) => at - T0);
  t.same(sent, [0, 500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500]);
});

t.test(
  "a repeated non-INVITE is absorbed while it is under way, and answered again afterwards (§17.2.2)",
  async (t) => {
    const net = new CoreHarness();
    const [frontEnd, pool] = [net.udp(FRONT_END), net.udp(POOL)];
    frontEnd.says(request("INFO"));
    const info = pool.hears();
    frontEnd.says(request("INFO"));
    t.same(net.unheard, []);
    pool.answers(info, "200 OK");
    const first = frontEnd.hears();
    frontEnd.says(request("INFO"));
    t.equal(frontEnd.hears().text, first.text);
    t.same(pool.inbox, []);
  },
);

t.test("a second answer of the pool to a non-INVITE is not sent on (§17.1.2.2)", async (t) => {
  const net = new CoreHarness();
  const [frontEnd, pool] = [net.udp(FRONT_END), net.udp(POOL)];
  frontEnd.says(request("INFO"));
  const info = pool.hears();
  pool.answers(info, "200 OK");
  frontEnd.hears();
  pool.answers(info, "200 OK");
  t.same(net.unheard, []);
});
