import t from "tap";
import { CoreHarness, type Message, proxyTo } from "../support/core-harness.ts";
import { FRONT_END, lookupInvite, POOL, POOL_2, POOL_3, request } from "./texts.ts";

function forwarded(net: CoreHarness, text = request("INFO")): Message {
  net.udp(FRONT_END).says(text);
  const message = net.udp(POOL).hears();
  net.clear();
  return message;
}

t.test("a response to nothing of ours is dropped and counted, even with our Via on it (RFC 6026 §7.3)", async (t) => {
  const net = new CoreHarness();
  const info = forwarded(net);
  net.udp(POOL).says(info.reply("200 OK").replace(info.branch, `${info.branch}x`));
  net.udp(POOL).says(info.reply("200 OK").replace(/^Via: .*\r\n/m, ""));
  t.same(net.unheard, []);
  t.match(
    net.events.filter(({ type }) => type === "dropped"),
    [{}, {}],
  );
});

t.test("a response with the method of another transaction is dropped (§17.1.3)", async (t) => {
  const net = new CoreHarness();
  const info = forwarded(net);
  net.udp(POOL).says(info.reply("200 OK").replace("1 INFO", "1 INVITE"));
  t.same(net.unheard, []);
});

t.test("a response whose only Via is ours goes nowhere (§16.7 step 3)", async (t) => {
  const net = new CoreHarness();
  const info = forwarded(net);
  net.udp(POOL).says(info.reply("200 OK").replace(/^(Via: .*\r\n)(Via: .*\r\n)+/m, "$1"));
  t.same(
    net.unheard.filter((message) => message.all("Via").length === 0),
    [],
  );
});

t.test(
  "a 2xx of the pool that is repeated for 64 T1 is sent on each time, and dropped afterwards (RFC 6026 §7.2)",
  async (t) => {
    const net = new CoreHarness();
    const invite = forwarded(net, lookupInvite());
    const [frontEnd, pool] = [net.udp(FRONT_END), net.udp(POOL)];
    pool.answers(invite, "200 OK");
    net.advance(31_000);
    pool.answers(invite, "200 OK");
    t.same(
      frontEnd.inbox.map(({ status }) => status),
      [200, 200],
    );
    net.clear();
    net.advance(40_000);
    pool.answers(invite, "200 OK");
    t.same(net.unheard, []);
    t.match(net.core.load, { serverTransactions: 0, clientTransactions: 0, timers: 0 });
  },
);

t.test("an INVITE repeated after its 2xx is absorbed, not forwarded as a new one (RFC 6026 §7.1)", async (t) => {
  const net = new CoreHarness();
  const invite = forwarded(net, lookupInvite());
  net.udp(POOL).answers(invite, "200 OK");
  net.clear();
  net.advance(5_000);
  net.udp(FRONT_END).says(lookupInvite());
  t.same(
    net.unheard.filter(({ method }) => method === "INVITE"),
    [],
  );
});

for (const method of ["INVITE", "MESSAGE"]) {
  t.test(
    `a final answer to ${method} that has lost the caller's Via is a failure of the pool; the caller is answered`,
    async (t) => {
      for (const status of ["200 OK", "404 Not Found", "503 Service Unavailable"]) {
        const net = new CoreHarness();
        const frontEnd = net.udp(FRONT_END);
        frontEnd.says(request(method));
        const forwarded = net.udp(POOL).hears();
        const [ours] = forwarded.list("Via");
        const answer = forwarded.reply(status).replace(/^Via: .*\r\n/gm, "");
        net.udp(POOL).says(answer.replace("\r\n", `\r\nVia: ${ours}\r\n`));
        t.equal(frontEnd.inbox.at(-1)?.status, 500, status);
        t.match(frontEnd.inbox.at(-1)?.one("Warning"), /without the Via of the caller/);
        net.advance(100_000);
        t.same(net.core.load, { serverTransactions: 0, clientTransactions: 0, timers: 0, queries: 0 });
      }
    },
  );
}

for (const method of ["INVITE", "MESSAGE"]) {
  t.test(
    `an answer to ${method} with another CSeq number is a failure of the pool, too; what follows counts`,
    async (t) => {
      const net = new CoreHarness();
      const frontEnd = net.udp(FRONT_END);
      frontEnd.says(request(method));
      const forwarded = net.udp(POOL).hears();
      const garbled = (status: string): string => forwarded.reply(status).replace(/^CSeq: 1/m, "CSeq: 4711");
      net.clear();
      net.udp(POOL).says(garbled("180 Ringing"));
      t.same(frontEnd.inbox, [], "a provisional one goes nowhere");
      net.udp(POOL).says(garbled("200 OK"));
      t.equal(frontEnd.hears().status, 500);
      net.udp(POOL).says(garbled("200 OK"));
      net.advance(100_000);
      t.same(
        frontEnd.inbox.filter(({ status }) => status === 200),
        [],
      );
      t.match(net.core.load, { serverTransactions: 0, clientTransactions: 0, timers: 0 });
    },
  );
}

t.test("a 2xx that leads to nobody moves on to the next target once, however often it is repeated", async (t) => {
  const net = new CoreHarness({
    names: { pool: [POOL, POOL_2, POOL_3].map((ip) => `udp:${ip}:5060`) },
    decide: proxyTo("sip:pool"),
  });
  net.udp(FRONT_END).says(lookupInvite());
  const garbled = net
    .udp(POOL)
    .hears()
    .reply("200 OK")
    .replace(/^CSeq: 1/m, "CSeq: 4711");
  for (let i = 0; i < 5; i++) net.udp(POOL).says(garbled);
  t.equal(net.udp(POOL_2).inbox.length, 1);
  t.same(net.udp(POOL_3).inbox, []);
  net.udp(POOL_2).answers(net.udp(POOL_2).hears(), "200 OK");
  t.equal(net.udp(FRONT_END).inbox.at(-1)?.status, 200);
});
