import t, { type Test } from "tap";
import { CoreHarness, type Peer } from "../support/core-harness.ts";
import { FRONT_END, fromPool, inDialog, POOL, request } from "./texts.ts";

/** A look-up again is what a 481 makes the client do; any other failure starts a storm of UPDATEs. */
function expect481(t: Test, caller: Peer): void {
  const finals = caller.inbox.filter(({ status }) => status >= 200);
  t.same(
    finals.map(({ status }) => status),
    [481],
  );
  t.ok(finals[0]!.at < 1_000_000 + 32_000, "while the client still waits (Timer F)");
}

t.test("481 when the next hop of an INFO refuses the connection", async (t) => {
  const net = new CoreHarness({ names: { "pcpool.contoso.com": [`tcp:${POOL}:5060`] } });
  const frontEnd = net.udp(FRONT_END);
  frontEnd.says(inDialog("INFO"));
  net.tcp(POOL, 5060).refuses();
  expect481(t, frontEnd);
});

t.test("481 when the connection breaks while an INFO is under way", async (t) => {
  const net = new CoreHarness({ names: { "pcpool.contoso.com": [`tcp:${POOL}:5060`] } });
  const frontEnd = net.tcp(FRONT_END, 50100);
  frontEnd.says(inDialog("INFO", { transport: "TCP" }));
  const pool = net.tcp(POOL, 5060);
  pool.hears();
  pool.breaks();
  expect481(t, frontEnd);
});

t.test("481 when the next hop of an INFO cannot be resolved", async (t) => {
  const net = new CoreHarness();
  const frontEnd = net.udp(FRONT_END);
  frontEnd.says(inDialog("INFO"));
  expect481(t, frontEnd);
});

t.test("481 when the look-up of the next hop fails later", async (t) => {
  const net = new CoreHarness({ locateLater: true });
  const frontEnd = net.udp(FRONT_END);
  frontEnd.says(inDialog("UPDATE"));
  net.failLocate("pcpool.contoso.com");
  expect481(t, frontEnd);
});

for (const transport of ["udp", "tcp"] as const) {
  for (const method of ["INFO", "BYE", "UPDATE", "INVITE"]) {
    t.test(`481 when the next hop of ${method} says nothing at all over ${transport}`, async (t) => {
      const net = new CoreHarness({ names: { "pcpool.contoso.com": [`${transport}:${POOL}:5060`] } });
      const frontEnd = net.udp(FRONT_END);
      frontEnd.says(inDialog(method));
      net.advance(60_000);
      const finals = frontEnd.inbox.filter(({ status }) => status >= 200);
      t.same([...new Set(finals.map(({ status }) => status))], [481]);
      t.ok(finals[0]!.at < 1_000_000 + 32_000, "while the client still waits (Timer F)");
    });
  }
}

t.test("481 when every address of the next hop is dead, and not before", async (t) => {
  const net = new CoreHarness({ names: { "pcpool.contoso.com": [`tcp:${POOL}:5060`, `tcp:${POOL}:5062`] } });
  const frontEnd = net.udp(FRONT_END);
  frontEnd.says(inDialog("INFO"));
  net.tcp(POOL, 5060).refuses();
  t.same(frontEnd.inbox, []);
  net.tcp(POOL, 5062).refuses();
  expect481(t, frontEnd);
});

t.test("the pool, too, hears 481 when the front end of its dialog is gone", async (t) => {
  const net = new CoreHarness();
  const pool = net.udp(POOL);
  pool.says(fromPool("INFO"));
  expect481(t, pool);
});

t.test("481 when the Contact of the dialog is this gateway itself", async (t) => {
  const net = new CoreHarness();
  const frontEnd = net.udp(FRONT_END);
  frontEnd.says(inDialog("INFO", { uri: "sip:gw.contoso.com:5060" }));
  expect481(t, frontEnd);
});

t.test("a 503 that the pool gives inside a dialog does not reach the client as 503 (§16.7 step 6)", async (t) => {
  const net = new CoreHarness({ names: { "pcpool.contoso.com": [`udp:${POOL}:5060`] } });
  const frontEnd = net.udp(FRONT_END);
  frontEnd.says(inDialog("INFO"));
  const pool = net.udp(POOL);
  pool.answers(pool.hears(), "503 Service Unavailable");
  expect481(t, frontEnd);
});

t.test("the pool's own 481 and 500 inside a dialog reach the client as they are", async (t) => {
  for (const status of ["481 Dialog Lost", "500 Oops"]) {
    const net = new CoreHarness({ names: { "pcpool.contoso.com": [`udp:${POOL}:5060`] } });
    const [frontEnd, pool] = [net.udp(FRONT_END), net.udp(POOL)];
    frontEnd.says(inDialog("INFO"));
    pool.answers(pool.hears(), status);
    t.equal(frontEnd.hears().startLine, `SIP/2.0 ${status}`);
  }
});

t.test("an INFO that the pool is slow to answer is not given up after a 100", async (t) => {
  const net = new CoreHarness({ names: { "pcpool.contoso.com": [`udp:${POOL}:5060`] } });
  const [frontEnd, pool] = [net.udp(FRONT_END), net.udp(POOL)];
  frontEnd.says(inDialog("INFO"));
  const info = pool.hears();
  pool.answers(info, "100 Trying");
  net.advance(25_000);
  t.same(
    frontEnd.inbox.filter(({ status }) => status >= 200),
    [],
  );
  pool.answers(info, "200 OK");
  t.equal(frontEnd.inbox.at(-1)?.status, 200);
});

t.test(
  "a BYE without To tag, the sign-out of a client whose INVITE got no answer, is routed like the INVITE",
  async (t) => {
    const net = new CoreHarness();
    const [frontEnd, pool] = [net.udp(FRONT_END), net.udp(POOL)];
    frontEnd.says(request("BYE", { cseq: 2 }));
    const bye = pool.hears();
    t.equal(bye.one("To"), "<sip:ocschat@contoso.com>");
    pool.answers(bye, "481 Call/Transaction Does Not Exist");
    t.equal(frontEnd.hears().status, 481);
  },
);
