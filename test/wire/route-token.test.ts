import t from "tap";
import { CoreHarness, defaultRoute, type Message, type Peer, sip } from "../support/core-harness.ts";
import { CLIENT, FRONT_END, inDialog, lookupInvite, NAMES, POOL, request } from "./texts.ts";

const KEY = [1, 2] as const;
const OTHER_KEY = [3, 4] as const;

/** Sets a dialog up and tells our Record-Routes as the pool saw them. */
function established(net: CoreHarness, caller: Peer, invite = lookupInvite()): string[] {
  caller.says(invite);
  const forwarded = net.udp(POOL).hears();
  net.udp(POOL).answers(forwarded, "200 OK");
  net.clear();
  return forwarded.list("Record-Route");
}

function signed(keys: readonly (readonly [number, number])[] = [KEY]): CoreHarness {
  return new CoreHarness({ routeKeys: keys, names: NAMES });
}

/** The requests that wait anywhere on the network. */
function relayed(net: CoreHarness): Message[] {
  return net.unheard.filter(({ status }) => status === 0);
}

t.test("the Record-Route of a dialog lets its requests through, in both directions", async (t) => {
  const net = signed();
  const frontEnd = net.udp(FRONT_END);
  const [route] = established(net, frontEnd);
  t.match(route, /^<sip:[\w.~-]+@gw\.contoso\.com:5060;transport=udp;lr>$/);
  frontEnd.says(inDialog("INFO", { route: route! }));
  t.equal(net.udp(POOL).hears().method, "INFO");
  net.udp(POOL).says(inDialog("UPDATE", { route: `${route}, <sip:fe01.contoso.com;lr>`, sentBy: POOL }));
  t.equal(frontEnd.hears().method, "UPDATE");
});

for (const [title, route] of [
  ["no token", "<sip:gw.contoso.com:5060;transport=udp;lr>"],
  ["an invented token", "<sip:abcdefghijk@gw.contoso.com:5060;transport=udp;lr>"],
] as const) {
  t.test(`${title}: 481, and nothing is relayed`, async (t) => {
    const net = signed();
    const stranger = net.udp(FRONT_END);
    stranger.says(inDialog("INFO", { route }));
    t.equal(stranger.hears().status, 481);
    stranger.says(inDialog("ACK", { route }));
    t.same(net.unheard, []);
  });
}

t.test("the token of one dialog opens no other", async (t) => {
  const net = signed();
  const frontEnd = net.udp(FRONT_END);
  const [route] = established(net, frontEnd);
  frontEnd.says(inDialog("INFO", { route: route!, callId: "another" }));
  t.equal(frontEnd.hears().status, 481);
  t.same(relayed(net), []);
});

t.test("a good token of ours does not vouch for a forged one behind it", async (t) => {
  const net = signed();
  const frontEnd = net.udp(FRONT_END);
  const [route] = established(net, frontEnd);
  frontEnd.says(inDialog("INFO", { route: `${route}, <sip:forged@gw.contoso.com:5060;transport=tcp;lr>` }));
  t.equal(frontEnd.hears().status, 481);
  t.same(relayed(net), []);
});

t.test("a token made with an older key still holds, one of a key that is gone does not", async (t) => {
  const before = signed([OTHER_KEY]);
  const [route] = established(before, before.udp(FRONT_END));
  const rolled = signed([KEY, OTHER_KEY]);
  rolled.udp(FRONT_END).says(inDialog("INFO", { route: route! }));
  t.equal(rolled.udp(POOL).hears().method, "INFO");
  const replaced = signed([KEY]);
  replaced.udp(FRONT_END).says(inDialog("INFO", { route: route! }));
  t.equal(replaced.udp(FRONT_END).hears().status, 481);
});

t.test("each request of a dialog is recorded under its token, which the newest key makes", async (t) => {
  const old = signed([OTHER_KEY]);
  const [oldRoute] = established(old, old.udp(FRONT_END));
  const net = signed([KEY, OTHER_KEY]);
  const frontEnd = net.udp(FRONT_END);
  const [route] = established(net, frontEnd);
  for (const [i, came] of [route!, oldRoute!, route!].entries()) {
    frontEnd.says(inDialog("INFO", { route: came, cseq: 2 + i }));
    t.same(net.udp(POOL).hears().list("Record-Route"), [route]);
  }
  const [another] = established(net, frontEnd, lookupInvite({ callId: "another", cseq: 9 }));
  t.not(another, route);
});

t.test("a strict router that moves our token into the Request-URI is understood (§16.4)", async (t) => {
  const net = signed();
  const frontEnd = net.udp(FRONT_END);
  const [route] = established(net, frontEnd);
  frontEnd.says(inDialog("INFO", { uri: route!.slice(1, -1), route: "<sip:pcpool.contoso.com>" }));
  t.equal(net.udp(POOL).hears().startLine, "INFO sip:pcpool.contoso.com SIP/2.0");
});

/** A client of its own connection, without a front end: one Via, and a Contact that resolves to nothing. */
function direct(): string {
  return lookupInvite({ transport: "TCP", sentBy: `${CLIENT}:50312` }).replace(/^Via: SIP\/2\.0\/tls.*\r\n/m, "");
}

/** The pool's INFO to that client. */
function poolInfo(routes: readonly string[]): string {
  return sip`
    INFO sip:alice@contoso.com;opaque=user:epid:b514060a2da2;gruu SIP/2.0
    Via: SIP/2.0/UDP ${POOL}:5060;branch=z9hG4bKpool1
    Route: ${routes.join(", ")}
    From: <sip:ocschat@contoso.com>;tag=pool-tag
    To: <sip:alice@contoso.com>;tag=1182052772
    Max-Forwards: 70
    Call-ID: 1367g8DF2a6511i08BBm61D9t91D9b9F7CxD11Bx
    CSeq: 1 INFO
    Content-Length: 0
  `;
}

t.test("the pool reaches a client over the connection that the client made (RFC 5626 §5.3)", async (t) => {
  const net = signed();
  const client = net.tcp(CLIENT, 50312);
  const routes = established(net, client, direct());
  t.equal(routes.length, 2);
  t.notMatch(routes.join(), "50312");
  net.udp(POOL).says(poolInfo(routes));
  t.equal(client.hears().requestUri, "sip:alice@contoso.com;opaque=user:epid:b514060a2da2;gruu");
});

t.test("the pool hears 481 when that connection is gone", async (t) => {
  const net = signed();
  const client = net.tcp(CLIENT, 50312);
  const routes = established(net, client, direct());
  client.breaks();
  net.udp(POOL).says(poolInfo(routes));
  t.equal(net.udp(POOL).hears().status, 481);
  t.same(relayed(net), []);
});

t.test("a REGISTER is not record-routed (§16.6 step 4)", async (t) => {
  const net = signed();
  net.udp(FRONT_END).says(request("REGISTER", { uri: "sip:contoso.com" }));
  t.same(net.udp(POOL).hears().all("Record-Route"), []);
});

/** A client that has registered through the gateway at the server of the default route. @returns its Path as a route set */
function registered(net: CoreHarness, client: Peer): string[] {
  const register = request("REGISTER", { uri: "sip:contoso.com", transport: "TCP", sentBy: `${CLIENT}:50312` });
  client.says(register.replace(/^Via: SIP\/2\.0\/tls.*\r\n/m, ""));
  const path = net.udp(POOL).hears().list("Path");
  net.clear();
  return path;
}

t.test("a client whose connection is gone: 430 along its Path, and nothing is relayed (RFC 5626 §5.3.1)", async (t) => {
  const net = new CoreHarness({ routeKeys: [KEY], names: NAMES, decide: defaultRoute("sip:pcpool.contoso.com") });
  const client = net.tcp(CLIENT, 50312);
  const path = registered(net, client);
  const toClient = (cseq: number) =>
    request("MESSAGE", {
      uri: "sip:alice@10.1.4.23:50312;transport=tcp",
      cseq,
      sentBy: POOL,
      headers: `Route: ${path.join(", ")}\r\n`,
    });
  net.udp(POOL).says(toClient(1));
  client.answers(client.hears(), "200 OK");
  t.equal(net.udp(POOL).hears().status, 200);
  net.udp(POOL).says(toClient(2));
  client.hears();
  client.breaks();
  t.equal(net.udp(POOL).hears().status, 430, "also while a request is under way");
  net.udp(POOL).says(toClient(3));
  t.equal(net.udp(POOL).hears().startLine, "SIP/2.0 430 Flow Failed");
  t.same(net.unheard, []);
});

t.test("a client whose connection closes while its pool is looked up leaves no name of it behind", async (t) => {
  const net = new CoreHarness({ routeKeys: [KEY], locateLater: true });
  const client = net.tcp(CLIENT, 50_312);
  const ownVia = "Via: SIP/2.0/tls 10.1.4.23:50312\r\n";
  client.says(lookupInvite({ transport: "TCP" }).replace(ownVia, ""));
  client.breaks();
  net.answerLocate("10.2.0.1", `udp:${POOL}:5060`);
  t.equal(net.udp(POOL).hears().method, "INVITE");
  t.equal(net.core.namedConnections, 0);
});
