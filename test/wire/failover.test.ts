import t from "tap";
import { CoreHarness, type Peer, proxyTo } from "../support/core-harness.ts";
import { FRONT_END, inDialog, lookupInvite, POOL, POOL_2, POOL_3, request } from "./texts.ts";

const THREE = { "pcpool.contoso.com": [`udp:${POOL}:5060`, `udp:${POOL_2}:5060`, `udp:${POOL_3}:5060`] };
const THREE_TCP = { "pcpool.contoso.com": [`tcp:${POOL}:5060`, `tcp:${POOL_2}:5060`, `tcp:${POOL_3}:5060`] };
const BUSY_503 = "503 Service Unavailable";

function pool(names: Record<string, string[]> = THREE): CoreHarness {
  return new CoreHarness({ decide: proxyTo("sip:pcpool.contoso.com"), names });
}

function finals(peer: Peer): number[] {
  return peer.inbox.map(({ status }) => status).filter((status) => status >= 200);
}

for (const method of ["INVITE", "SUBSCRIBE"]) {
  t.test(`${method}: a 503 turns to the next server, in the order of the list (RFC 3263 §4.3)`, async (t) => {
    const net = pool();
    const frontEnd = net.udp(FRONT_END);
    frontEnd.says(request(method));
    for (const address of [POOL, POOL_2]) {
      const server = net.udp(address);
      server.answers(server.hears(), BUSY_503);
    }
    t.same(finals(frontEnd), []);
    const last = net.udp(POOL_3);
    last.answers(last.hears(), "200 OK");
    t.same(finals(frontEnd), [200]);
  });

  t.test(`${method}: a 503 of every server reaches the caller as another failure (§16.7 step 6)`, async (t) => {
    const net = pool();
    const frontEnd = net.udp(FRONT_END);
    frontEnd.says(request(method));
    for (const address of [POOL, POOL_2, POOL_3]) {
      const server = net.udp(address);
      server.answers(server.hears(), BUSY_503, { headers: "Retry-After: 30\r\n" });
    }
    t.same(finals(frontEnd), [500]);
  });
}

t.test("each attempt has a branch of its own and is otherwise the same (§16.6 step 8)", async (t) => {
  const net = pool();
  net.udp(FRONT_END).says(lookupInvite());
  const first = net.udp(POOL).hears();
  net.udp(POOL).answers(first, BUSY_503);
  const second = net.udp(POOL_2).hears();
  t.not(first.branch, second.branch);
  t.equal(second.text.replace(second.branch, first.branch), first.text);
});

t.test("a refused connection turns to the next server at once", async (t) => {
  const net = pool(THREE_TCP);
  const frontEnd = net.udp(FRONT_END);
  frontEnd.says(lookupInvite());
  net.tcp(POOL, 5060).refuses();
  net.tcp(POOL_2, 5060).refuses();
  const last = net.tcp(POOL_3, 5060);
  last.answers(last.hears(), "200 OK");
  t.same(finals(frontEnd), [200]);
});

for (const method of ["INVITE", "SUBSCRIBE"]) {
  for (const said of ["nothing", "100 Trying", "183 Session Progress"]) {
    t.test(
      `${method}: a connection that breaks after ${said} turns to the next; the last is answered for (§16.9)`,
      async (t) => {
        const net = pool(THREE_TCP);
        const frontEnd = net.udp(FRONT_END);
        frontEnd.says(request(method));
        for (const address of [POOL, POOL_2, POOL_3]) {
          t.same(finals(frontEnd), []);
          const server = net.tcp(address, 5060);
          const heard = server.hears();
          if (said !== "nothing") server.answers(heard, said);
          server.breaks();
        }
        t.equal(finals(frontEnd).length, 1, "one final answer");
        t.match(frontEnd.inbox.at(-1)!.one("Warning"), "connection reset");
      },
    );
  }
}

t.test(
  "a connection that breaks fails each request that waits on it, and none that waits on another (§16.9)",
  async (t) => {
    const net = pool({ "pcpool.contoso.com": [`tcp:${POOL}:5060`] });
    const frontEnd = net.udp(FRONT_END);
    const names = ["a", "b", "c"];
    for (const id of names) frontEnd.says(lookupInvite({ callId: id, branch: `z9hG4bK${id}` }));
    const first = net.tcp(POOL, 5060);
    first.flow.open = false;
    frontEnd.says(lookupInvite({ callId: "d", branch: "z9hG4bKd" }));
    const second = net.tcp(POOL, 5060);
    first.breaks();
    t.same(
      frontEnd.inbox.filter(({ status }) => status >= 200).map((answer) => answer.one("Call-ID")),
      names,
    );
    second.answers(second.hears(), "200 OK");
    t.equal(frontEnd.inbox.at(-1)!.status, 200);
  },
);

t.test("a connection that breaks after the CANCEL: the caller hears 487 (§9.1, §16.9)", async (t) => {
  const net = pool(THREE_TCP);
  const frontEnd = net.udp(FRONT_END);
  const invite = lookupInvite();
  frontEnd.says(invite);
  const server = net.tcp(POOL, 5060);
  server.answers(server.hears(), "180 Ringing");
  frontEnd.says(invite.replace(/^INVITE/, "CANCEL").replace("1 INVITE", "1 CANCEL"));
  t.equal(server.hears().method, "CANCEL");
  server.breaks();
  t.same(
    frontEnd.inbox.filter(({ status, text }) => status >= 200 && text.includes("1 INVITE")).map(({ status }) => status),
    [487],
  );
  t.same(net.tcp(POOL_2, 5060).inbox, []);
});

t.test("a UDP port that is closed turns to the next server", async (t) => {
  const net = pool();
  net.udp(FRONT_END).says(lookupInvite());
  net.udp(POOL).hears();
  net.udp(POOL).refuses();
  t.equal(net.udp(POOL_2).hears().method, "INVITE");
});

t.test("a server that says nothing is passed over while the caller still waits", async (t) => {
  const net = pool();
  const frontEnd = net.udp(FRONT_END);
  frontEnd.says(lookupInvite());
  net.advance(20_000);
  const last = net.udp(POOL_3);
  last.answers(last.hears(), "200 OK");
  t.same(finals(frontEnd), [200]);
});

for (const [method, names] of [
  ["INVITE", THREE],
  ["SUBSCRIBE", THREE],
  ["INVITE", THREE_TCP],
  ["SUBSCRIBE", THREE_TCP],
] as const) {
  const transport = names === THREE ? "udp" : "tcp";
  t.test(
    `${method} over ${transport}: each server has 4 s for a first response, the last one all the time`,
    async (t) => {
      const net = pool(names);
      net.udp(FRONT_END).says(request(method));
      const heard = () => [POOL, POOL_2, POOL_3].map((at) => net.peer(transport, at, 5060).inbox.length > 0);
      net.advance(3999);
      t.same(heard(), [true, false, false]);
      net.advance(1);
      t.same(heard(), [true, true, false]);
      net.advance(3999);
      t.same(heard(), [true, true, false]);
      net.advance(1);
      t.same(heard(), [true, true, true]);
      net.advance(20_000);
      const last = net.peer(transport, POOL_3, 5060);
      last.answers(last.hears(), "200 OK");
      t.same(finals(net.udp(FRONT_END)), [200]);
    },
  );
}

t.test("a 100 is a first response: who gave it is waited for", async (t) => {
  const net = pool();
  net.udp(FRONT_END).says(lookupInvite());
  net.advance(3999);
  net.udp(POOL).answers(net.udp(POOL).hears(), "100 Trying");
  net.advance(60_000);
  t.same(net.udp(POOL_2).inbox, []);
});

t.test("all servers refuse: one failure, and no 503", async (t) => {
  const net = pool(THREE_TCP);
  const frontEnd = net.udp(FRONT_END);
  frontEnd.says(lookupInvite());
  for (const address of [POOL, POOL_2, POOL_3]) net.tcp(address, 5060).refuses();
  t.equal(finals(frontEnd).length, 1);
  t.not(finals(frontEnd)[0], 503);
  t.ok(finals(frontEnd)[0]! >= 400);
});

t.test("all servers are silent: 408 to the INVITE (§16.7 step 6, §16.8)", async (t) => {
  const net = pool();
  const frontEnd = net.udp(FRONT_END);
  frontEnd.says(lookupInvite());
  net.advance(120_000);
  t.same([...new Set(finals(frontEnd))], [408]);
});

t.test("the pool's name does not resolve: one failure, with the reason, and no 503", async (t) => {
  const net = pool({});
  const frontEnd = net.udp(FRONT_END);
  frontEnd.says(lookupInvite());
  t.equal(finals(frontEnd).length, 1);
  t.notOk([401, 503].includes(finals(frontEnd)[0]!));
  t.ok(finals(frontEnd)[0]! >= 400);
  t.match(frontEnd.inbox.at(-1)!.one("Warning"), "pcpool.contoso.com");
});

t.test("the backup pool is tried when the first has no server left", async (t) => {
  const net = new CoreHarness({
    decide: proxyTo("sip:pcpool.contoso.com", "sip:backup.contoso.com"),
    names: { "pcpool.contoso.com": [`udp:${POOL}:5060`], "backup.contoso.com": [`udp:${POOL_2}:5060`] },
  });
  net.udp(FRONT_END).says(lookupInvite());
  net.udp(POOL).answers(net.udp(POOL).hears(), BUSY_503);
  t.equal(net.udp(POOL_2).hears().requestUri, "sip:ocschat@contoso.com");
});

t.test("the backup pool is tried when the first does not resolve", async (t) => {
  const net = new CoreHarness({
    decide: proxyTo("sip:pcpool.contoso.com", "sip:backup.contoso.com"),
    names: { "backup.contoso.com": [`udp:${POOL_2}:5060`] },
  });
  net.udp(FRONT_END).says(lookupInvite());
  t.equal(net.udp(POOL_2).hears().method, "INVITE");
});

for (const status of ["404 Not Found", "480 Gone", "486 Busy Here", "488 Not Here", "500 Oops", "504 Late"]) {
  t.test(`${status} is an answer, and no reason to try another server`, async (t) => {
    const net = pool();
    const frontEnd = net.udp(FRONT_END);
    frontEnd.says(lookupInvite());
    net.udp(POOL).answers(net.udp(POOL).hears(), status);
    t.equal(frontEnd.inbox.at(-1)?.startLine, `SIP/2.0 ${status}`);
    t.same(net.udp(POOL_2).inbox, []);
  });
}

t.test("a server that comes back late still counts: its 200 ends the wait and the others are cancelled", async (t) => {
  const net = pool({ "pcpool.contoso.com": [`udp:${POOL}:5060`, `udp:${POOL_2}:5060`] });
  const frontEnd = net.udp(FRONT_END);
  frontEnd.says(lookupInvite());
  const [slow, next] = [net.udp(POOL), net.udp(POOL_2)];
  const late = slow.hears();
  net.advance(10_000);
  next.answers(next.inbox[0]!, "180 Ringing");
  net.clear();
  slow.answers(late, "200 OK", { toTag: "slow" });
  t.same([frontEnd.inbox[0]?.status, frontEnd.hears().toTag], [200, "slow"]);
  t.equal(next.hears().method, "CANCEL");
});

t.test("a server that was passed over and then rings is not left ringing", async (t) => {
  const net = pool();
  net.udp(FRONT_END).says(lookupInvite());
  const slow = net.udp(POOL);
  const late = slow.hears();
  net.advance(10_000);
  slow.answers(late, "180 Ringing");
  net.udp(POOL_2).answers(net.udp(POOL_2).hears(), "200 OK");
  t.equal(slow.inbox.at(-1)?.method, "CANCEL");
});

t.test("an answer that the endpoint lists in failoverOn turns to the next server (§16.7 step 5)", async (t) => {
  const net = new CoreHarness({
    decide: { ...proxyTo("sip:pcpool.contoso.com"), failoverOn: [404, 480] },
    names: THREE,
  });
  const frontEnd = net.udp(FRONT_END);
  frontEnd.says(lookupInvite());
  net.udp(POOL).answers(net.udp(POOL).hears(), "404 Not Found");
  net.udp(POOL_2).answers(net.udp(POOL_2).hears(), "480 Temporarily Unavailable");
  t.same(finals(frontEnd), []);
  const last = net.udp(POOL_3);
  last.answers(last.hears(), "200 OK");
  t.same(finals(frontEnd), [200]);
  t.same(
    net.outcomes.map(({ outcome }) => outcome.kind),
    ["answered", "answered", "answered"],
    "it is no fault of the server",
  );
});

t.test("when every server gives such an answer, the caller gets the lowest of them (§16.7 step 6)", async (t) => {
  const net = new CoreHarness({
    decide: { ...proxyTo("sip:pcpool.contoso.com"), failoverOn: [404, 480] },
    names: THREE,
  });
  const frontEnd = net.udp(FRONT_END);
  frontEnd.says(lookupInvite());
  net.udp(POOL).answers(net.udp(POOL).hears(), "480 Temporarily Unavailable");
  net.udp(POOL_2).answers(net.udp(POOL_2).hears(), "404 Not Found", { headers: "X-Pool: two\r\n" });
  net.udp(POOL_3).answers(net.udp(POOL_3).hears(), BUSY_503);
  const final = frontEnd.inbox.at(-1)!;
  t.equal(final.status, 404);
  t.equal(final.one("X-Pool"), "two");
});

t.test("inside a dialog it is the answer all the same: the dialog lives where it lives", async (t) => {
  const net = new CoreHarness({ decide: { ...proxyTo("sip:pcpool.contoso.com"), failoverOn: [404] }, names: THREE });
  net.udp(FRONT_END).says(inDialog("INFO"));
  net.udp(POOL).answers(net.udp(POOL).hears(), "404 Not Found");
  t.same(finals(net.udp(FRONT_END)), [404]);
  t.same(
    net.unheard.filter(({ method }) => method === "INFO"),
    [],
  );
});
