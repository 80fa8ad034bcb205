import t from "tap";
import { CoreHarness, defaultRoute, type Message, type Peer, proxyTo } from "../support/core-harness.ts";
import { FRONT_END, inDialog, lookupInvite, NAMES, POOL, POOL_2, request } from "./texts.ts";

interface Call {
  readonly net: CoreHarness;
  readonly frontEnd: Peer;
  readonly pool: Peer;
  readonly invite: Message;
}

function call(): Call {
  const net = new CoreHarness({ decide: proxyTo(`sip:${POOL}`) });
  const [frontEnd, pool] = [net.udp(FRONT_END), net.udp(POOL)];
  frontEnd.says(lookupInvite());
  const invite = pool.hears();
  net.clear();
  return { net, frontEnd, pool, invite };
}

t.test("a 100 is sent at once for an INVITE, with the caller's Vias and no To tag (§16.2, §8.2.6)", async (t) => {
  const net = new CoreHarness();
  const frontEnd = net.udp(FRONT_END);
  frontEnd.says(lookupInvite());
  const trying = frontEnd.hears();
  t.equal(trying.status, 100);
  t.equal(trying.toTag, undefined);
  t.same(trying.all("Via"), ["SIP/2.0/UDP 10.1.0.1:5060;branch=z9hG4bKfe-INVITE-1", "SIP/2.0/tls 10.1.4.23:50312"]);
  t.equal(trying.one("Content-Length"), "0");
});

t.test("the pool's 100 stays here, its 180 and 183 are sent on (§16.7 step 5)", async (t) => {
  const { frontEnd, pool, invite } = call();
  for (const status of ["100 Trying", "180 Ringing", "183 Session Progress"]) pool.answers(invite, status);
  t.same(
    frontEnd.inbox.map(({ status }) => status),
    [180, 183],
  );
});

t.test("a 6xx is sent on as it is, and nobody else is asked (§16.7 step 5)", async (t) => {
  const net = new CoreHarness({ decide: proxyTo(`sip:${POOL}`, `sip:${POOL_2}`) });
  const [frontEnd, pool] = [net.udp(FRONT_END), net.udp(POOL)];
  frontEnd.says(lookupInvite());
  pool.answers(pool.hears(), "603 Decline");
  t.equal(frontEnd.inbox.at(-1)?.startLine, "SIP/2.0 603 Decline");
  t.same(net.udp(POOL_2).inbox, []);
});

/** The first pool says 603 late, while the second rings. */
function declinedWhileRinging() {
  const net = new CoreHarness({ decide: proxyTo(`sip:${POOL}`, `sip:${POOL_2}`) });
  const [frontEnd, slow, next] = [net.udp(FRONT_END), net.udp(POOL), net.udp(POOL_2)];
  frontEnd.says(lookupInvite());
  const late = slow.hears();
  net.advance(10_000);
  const second = next.hears();
  next.answers(second, "180 Ringing");
  net.clear();
  slow.answers(late, "603 Decline");
  return { frontEnd, next, second };
}

t.test("a 6xx of one attempt cancels the others, and is what the caller gets (§16.7 step 5)", async (t) => {
  const { frontEnd, next, second } = declinedWhileRinging();
  t.equal(next.hears().method, "CANCEL");
  next.answers(second, "487 Request Terminated");
  t.same(
    frontEnd.inbox.map(({ status }) => status),
    [603],
  );
});

t.test("a 6xx waits for an attempt that rings, and a 200 of that one comes before it (§16.7 step 5)", async (t) => {
  for (const answer of ["200 OK", "487 Request Terminated"]) {
    const { frontEnd, next, second } = declinedWhileRinging();
    t.same(frontEnd.inbox, [], "it is not sent on at once");
    next.answers(second, answer, { headers: "Contact: <sip:p@192.0.2.20>\r\n" });
    t.same(
      frontEnd.inbox.map(({ status }) => status),
      [answer === "200 OK" ? 200 : 603],
    );
  }
});

t.test("a 6xx does not wait for a server that has never answered", async (t) => {
  const net = new CoreHarness({ decide: proxyTo(`sip:${POOL}`, `sip:${POOL_2}`) });
  const [frontEnd, next] = [net.udp(FRONT_END), net.udp(POOL_2)];
  frontEnd.says(lookupInvite());
  net.advance(10_000);
  next.answers(next.hears(), "603 Decline");
  t.equal(frontEnd.inbox.at(-1)?.startLine, "SIP/2.0 603 Decline");
});

t.test(
  "two attempts that both answer 200: the first ends the wait, the second is sent on too (§16.7 step 5)",
  async (t) => {
    const net = new CoreHarness({ decide: proxyTo(`sip:${POOL}`, `sip:${POOL_2}`) });
    const [frontEnd, slow, next] = [net.udp(FRONT_END), net.udp(POOL), net.udp(POOL_2)];
    frontEnd.says(lookupInvite());
    const late = slow.hears();
    net.advance(10_000);
    const second = next.hears();
    net.clear();
    next.answers(second, "200 OK", { toTag: "second" });
    slow.answers(late, "200 OK", { toTag: "late" });
    t.same(
      frontEnd.inbox.map((message) => message.toTag),
      ["second", "late"],
    );
  },
);

t.test("after a 200 no failure of another attempt is sent on", async (t) => {
  const net = new CoreHarness({ decide: proxyTo(`sip:${POOL}`, `sip:${POOL_2}`) });
  const [frontEnd, slow, next] = [net.udp(FRONT_END), net.udp(POOL), net.udp(POOL_2)];
  frontEnd.says(lookupInvite());
  const late = slow.hears();
  net.advance(10_000);
  const second = next.hears();
  next.answers(second, "200 OK");
  net.clear();
  slow.answers(late, "486 Busy Here");
  t.same(frontEnd.inbox, []);
  t.equal(slow.hears().method, "ACK");
});

for (const method of ["INVITE", "INFO", "SUBSCRIBE"]) {
  t.test(`a 401 of the pool never reaches a legacy client: ${method}`, async (t) => {
    const net = new CoreHarness();
    const [frontEnd, pool] = [net.udp(FRONT_END), net.udp(POOL)];
    frontEnd.says(request(method));
    pool.answers(pool.hears(), "401 Unauthorized", { headers: 'WWW-Authenticate: NTLM realm="x"\r\n' });
    const final = frontEnd.inbox.at(-1)!;
    t.ok(final.status >= 400);
    t.not(final.status, 401);
    t.same(final.all("WWW-Authenticate"), []);
  });
}

t.test("a 401 of the pool never reaches a legacy client inside a dialog either", async (t) => {
  const net = new CoreHarness({ names: NAMES });
  const [frontEnd, pool] = [net.udp(FRONT_END), net.udp(POOL)];
  frontEnd.says(inDialog("INFO"));
  pool.answers(pool.hears(), "401 Unauthorized", { headers: 'WWW-Authenticate: NTLM realm="x"\r\n' });
  const final = frontEnd.inbox.at(-1)!;
  t.ok(final.status >= 400);
  t.not(final.status, 401);
});

t.test("a REGISTER that only passes through gets its registrar's 401: without it nobody can sign in", async (t) => {
  const net = new CoreHarness({ decide: defaultRoute(`sip:${POOL}`) });
  const [frontEnd, pool] = [net.udp(FRONT_END), net.udp(POOL)];
  frontEnd.says(request("REGISTER", { uri: "sip:contoso.com" }));
  pool.answers(pool.hears(), "401 Unauthorized", { headers: 'WWW-Authenticate: NTLM realm="x"\r\n' });
  const answer = frontEnd.hears();
  t.same([answer.status, answer.one("WWW-Authenticate")], [401, 'NTLM realm="x"']);
});

t.test("an INVITE that rings is given up after Timer C, and the caller is told (§16.8)", async (t) => {
  const { net, frontEnd, pool, invite } = call();
  pool.answers(invite, "180 Ringing");
  net.advance(180_000);
  t.same(pool.inbox, [], "more than three minutes are granted");
  net.clear();
  net.advance(60_000);
  t.equal(pool.inbox[0]?.method, "CANCEL");
  pool.answers(invite, "487 Request Terminated");
  t.ok(frontEnd.inbox.some(({ status }) => status >= 400));
});

t.test("each provisional answer but a 100 starts Timer C anew (§16.7 step 2)", async (t) => {
  const { net, pool, invite } = call();
  pool.answers(invite, "180 Ringing");
  net.advance(150_000);
  pool.answers(invite, "183 Session Progress");
  net.advance(150_000);
  t.same(
    pool.inbox.filter(({ method }) => method === "CANCEL"),
    [],
  );
});

t.test("an INVITE is repeated over UDP until it is answered: Timer A (§17.1.1.2)", async (t) => {
  const { net, pool, invite } = call();
  net.advance(3_600);
  const sent = pool.inbox.map(({ at, text }) => [at - 1_000_000, text === invite.text]);
  t.same(sent, [
    [500, true],
    [1500, true],
    [3500, true],
  ]);
  pool.answers(invite, "100 Trying");
  net.clear();
  net.advance(30_000);
  t.same(pool.inbox, []);
});

t.test("over TCP nothing is repeated (§17.1.1.2)", async (t) => {
  const net = new CoreHarness({ decide: proxyTo(`sip:${POOL};transport=tcp`) });
  net.udp(FRONT_END).says(lookupInvite());
  net.tcp(POOL, 5060).hears();
  net.advance(25_000);
  t.same(
    net.tcp(POOL, 5060).inbox.filter(({ method }) => method === "INVITE"),
    [],
  );
});
