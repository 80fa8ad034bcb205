import t from "tap";
import { CoreHarness, proxyTo } from "../support/core-harness.ts";
import { sip } from "../support/sip-text.ts";
import { FRONT_END, POOL, POOL_2 } from "./texts.ts";

const OPTIONS_TARGET = { transport: "udp", address: "10.2.0.1", port: 5060, host: "pcpool.contoso.com" } as const;

const INVITE = sip`
  INVITE sip:ocschat@contoso.com SIP/2.0
  Via: SIP/2.0/UDP ${FRONT_END};branch=z9hG4bK1
  From: <sip:alice@contoso.com>;tag=1
  To: <sip:ocschat@contoso.com>
  Call-ID: 1
  CSeq: 1 INVITE
  Max-Forwards: 70
  Content-Length: 0

`;

t.test("an address that answers is reported once, by its first response", async (t) => {
  const net = new CoreHarness({ decide: proxyTo(`sip:${POOL}`) });
  const [caller, pool] = [net.udp(FRONT_END), net.udp(POOL)];
  caller.says(INVITE);
  const invite = pool.hears();
  pool.answers(invite, "180 Ringing");
  pool.answers(invite, "200 OK");
  t.same(net.outcomes, [{ address: POOL, outcome: { kind: "answered" } }]);
});

t.test("a 503 is reported with its Retry-After (RFC 3261 §20.33)", async (t) => {
  const net = new CoreHarness({ decide: proxyTo(`sip:${POOL}`, `sip:${POOL_2}`) });
  const [caller, pool] = [net.udp(FRONT_END), net.udp(POOL)];
  caller.says(INVITE);
  pool.says(
    pool.hears().reply("503 Service Unavailable").replace("Content-Length", "Retry-After: 18 (busy)\r\nContent-Length"),
  );
  t.same(net.outcomes, [{ address: POOL, outcome: { kind: "unavailable", retryAfterSeconds: 18 } }]);
});

t.test("an address that says nothing in time is reported while the next one is tried", async (t) => {
  const net = new CoreHarness({ decide: proxyTo(`sip:${POOL}`, `sip:${POOL_2}`) });
  net.udp(FRONT_END).says(INVITE);
  net.udp(POOL_2);
  net.advance(4000);
  t.same(net.outcomes, [{ address: POOL, outcome: { kind: "timeout" } }]);
});

t.test("a probe is an OPTIONS with Max-Forwards 0; any answer but 503 is a good one (§11)", async (t) => {
  for (const [answer, kind] of [
    ["200 OK", "answered"],
    ["405 Method Not Allowed", "answered"],
    ["503 Service Unavailable", "unavailable"],
  ] as const) {
    const net = new CoreHarness();
    const pool = net.udp(POOL);
    const seen: string[] = [];
    net.core.probe(OPTIONS_TARGET, net.core.identity.listeners[0]!, net.now, (outcome) => seen.push(outcome.kind));
    const options = pool.hears();
    t.equal(options.startLine, "OPTIONS sip:pcpool.contoso.com:5060;transport=udp SIP/2.0");
    t.same(options.list("Max-Forwards"), ["0"]);
    pool.answers(options, answer);
    t.same(seen, [kind]);
  }
});

t.test("a probe that was given up is not repeated and says nothing any more", async (t) => {
  const net = new CoreHarness();
  const pool = net.udp(POOL);
  const stop = net.core.probe(OPTIONS_TARGET, net.core.identity.listeners[0]!, net.now, () =>
    t.fail("it was given up"),
  );
  pool.hears();
  stop();
  net.advance(40_000);
  t.equal(pool.inbox.length, 0);
  t.same(net.core.load, { serverTransactions: 0, clientTransactions: 0, timers: 0, queries: 0 });
});
