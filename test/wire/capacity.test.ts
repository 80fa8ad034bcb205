import t from "tap";
import { CoreHarness, proxyTo } from "../support/core-harness.ts";
import { FRONT_END, inDialog, lookupInvite, NAMES, POOL, request } from "./texts.ts";

function invite(net: CoreHarness, n: number) {
  const peer = net.udp(FRONT_END);
  net.clear();
  peer.says(lookupInvite({ callId: `call-${n}`, branch: `z9hG4bK-${n}` }));
  return peer.inbox.at(-1);
}

t.test(
  "with as many transactions as there may be, new requests get 503 with Retry-After and nothing is kept",
  async (t) => {
    const net = new CoreHarness({ limits: { transactions: 10 } });
    for (let n = 0; n < 10; n++) t.equal(invite(net, n)?.status, 100);
    const refused = invite(net, 10);
    t.equal(refused?.startLine, "SIP/2.0 503 Service Unavailable");
    t.match(refused?.one("Retry-After"), /^\d+$/);
    t.match(refused?.one("Warning"), /as many transactions as it may/);
    t.equal(net.core.load.serverTransactions, 10);
    t.equal(invite(net, 0)?.status, 100, "a repetition is none of them");
    net.advance(200_000);
    t.same(net.core.load, { serverTransactions: 0, clientTransactions: 0, timers: 0, queries: 0 });
    t.equal(invite(net, 11)?.status, 100, "and afterwards there is room again");
  },
);

t.test("requests inside dialogs may take a tenth more, and get 481 beyond that, never a 5xx", async (t) => {
  const net = new CoreHarness({
    limits: { transactions: 10 },
    names: NAMES,
  });
  for (let n = 0; n < 10; n++) invite(net, n);
  net.clear();
  const frontEnd = net.udp(FRONT_END);
  const info = (n: number) => {
    frontEnd.says(inDialog("INFO", { callId: `dialog-${n}`, branch: `z9hG4bKi-${n}` }));
    return net.udp(POOL).inbox.pop()?.method ?? frontEnd.inbox.at(-1)?.status;
  };
  t.equal(info(1), "INFO");
  t.equal(info(2), 481);
});

t.test("the bytes of the requests that are held are bounded as well", async (t) => {
  const net = new CoreHarness({ limits: { requestBytes: 100_000 } });
  const frontEnd = net.udp(FRONT_END);
  const statuses = Array.from({ length: 10 }, (_, n) => {
    const headers = `X-Long: ${"x".repeat(20_000)}\r\n`;
    frontEnd.says(lookupInvite({ callId: `call-${n}`, branch: `z9hG4bK-${n}`, headers }));
    return frontEnd.inbox.at(-1)?.status;
  });
  t.same(statuses, [100, 100, 100, 100, 100, 503, 503, 503, 503, 503]);
});

t.test("of a request that is answered only what is kept of it counts, until it is forgotten", async (t) => {
  const net = new CoreHarness({ limits: { requestBytes: 10_000 } });
  const [frontEnd, pool] = [net.udp(FRONT_END), net.udp(POOL)];
  const statusOf = (n: number, isAnswered: boolean): number | undefined => {
    net.clear();
    const headers = `X-Long: ${"x".repeat(500)}\r\n`;
    frontEnd.says(request("MESSAGE", { callId: `call-${n}`, branch: `z9hG4bK-${n}`, headers }));
    if (isAnswered) pool.answers(pool.hears(), "200 OK");
    return frontEnd.inbox.at(-1)?.status;
  };
  for (let n = 0; n < 15; n++) t.equal(statusOf(n, true), 200);
  net.advance(32_000);
  t.equal(net.core.load.serverTransactions, 0);
  // All of it is given back, and no more than that.
  const pending = Array.from({ length: 7 }, (_, n) => statusOf(100 + n, false));
  t.same(pending, [...new Array(6).fill(undefined), 503]);
});

t.test(
  "with newPerSecond the pools are spared a crowd: so many new requests a second, and dialogs go on",
  async (t) => {
    const net = new CoreHarness({ limits: { newPerSecond: 20 }, names: NAMES });
    let admitted = 0;
    for (let second = 0; second < 5; second++) {
      for (let n = 0; n < 100; n++) if (invite(net, second * 100 + n)?.status === 100) admitted++;
      net.advance(1000);
    }
    t.equal(admitted, 2 * 20 + 4 * 20);
    net.clear();
    net.udp(FRONT_END).says(inDialog("INFO"));
    t.equal(net.udp(POOL).hears().method, "INFO");
  },
);

t.test("client transactions are bounded too: no further target is tried then", async (t) => {
  const names = { pools: Array.from({ length: 30 }, (_, n) => `udp:10.2.1.${n + 1}:5060`) };
  const net = new CoreHarness({ limits: { transactions: 5 }, names, decide: proxyTo("sip:pools") });
  const frontEnd = net.udp(FRONT_END);
  frontEnd.says(request("MESSAGE"));
  // Each target stays silent for so long that the next one is asked, and keeps its transaction meanwhile.
  net.advance(31_000);
  t.ok(net.core.load.clientTransactions <= 10, `${net.core.load.clientTransactions} client transactions`);
  for (let n = 0; n < 4; n++) frontEnd.says(request("MESSAGE", { callId: `m-${n}`, branch: `z9hG4bKm-${n}` }));
  net.advance(31_000);
  t.ok(net.core.load.clientTransactions <= 10, `${net.core.load.clientTransactions} client transactions`);
  net.advance(200_000);
  t.same(net.core.load, { serverTransactions: 0, clientTransactions: 0, timers: 0, queries: 0 });
});
