import { once } from "node:events";
import t, { type Test } from "tap";
import { Ladder } from "../../src/demo/ladder.ts";
import { CHANNEL_ADDRESS, LOBBY, SamplePool, type SamplePoolOptions } from "../../src/demo/sample-pool.ts";
import { RawSipListener, RawSipPeer, rawValues, sipAnswer, sipMessage, startLine } from "../support/raw-sip-peer.ts";

const GRUU = "sip:alice@contoso.com;opaque=user:epid:b514060a2da2;gruu";
const ROUTES = [
  "<sip:gw.contoso.com:5060;transport=tcp;lr>",
  "<sip:fe01.contoso.com;transport=tcp;opaque=state:T:F;lr>",
];
const VIAS = ["SIP/2.0/TCP gw.contoso.com:5060;branch=z9hG4bKgw1", "SIP/2.0/tcp 10.1.4.23:50312;ms-received-cid=1F00"];
const FROM = "<sip:alice@contoso.com>;tag=1182052772;epid=c97532c1946f";

/** A pool on a free port, and a connection to it as the gateway would have one. */
async function pool(t: Test, options: SamplePoolOptions = {}) {
  const ladder = new Ladder();
  const sample = new SamplePool({ listen: { address: "127.0.0.1", port: 0 }, recorder: ladder, ...options });
  await sample.start();
  const peer = await RawSipPeer.connect(sample.address);
  t.teardown(async () => {
    peer.close();
    await sample.close();
  });
  const contact = `sip:pcpool.contoso.com:${sample.address.port};transport=tcp`;
  return { sample, peer, ladder, contact };
}

function request(method: string, uri: string, to: string, more: readonly string[] = [], body = ""): string {
  return sipMessage(
    [
      `${method} ${uri} SIP/2.0`,
      ...VIAS.map((via) => `Via: ${via}`),
      "Max-Forwards: 68",
      `From: ${FROM}`,
      `To: ${to}`,
      "Call-ID: 1367g8DF2a6511",
      `CSeq: 1 ${method}`,
      ...more,
    ],
    body,
  );
}

function invite(method = "INVITE", more: readonly string[] = []): string {
  const routes = ROUTES.map((route) => `Record-Route: ${route}`);
  return request(method, "sip:ocschat@contoso.com", "<sip:ocschat@contoso.com>", [
    ...routes,
    `Contact: <${GRUU}>`,
    ...more,
  ]);
}

function info(contact: string, to: string, content: string): string {
  const body = `<xccos ver="1" envid="133417290" xmlns="urn:parlano:xml:ns:xccos">${content}</xccos>`;
  return request("INFO", contact, to, ["Content-Type: text/plain"], body);
}

const REQURI = '<cmd id="cmd:requri" seqid="1"><data/></cmd>';

t.test("INVITE: 200 with Via and Record-Route copied, Contact, session timer and SDP", async (t) => {
  const { peer, contact } = await pool(t);
  peer.send(invite());
  const answer = await peer.next();
  t.equal(startLine(answer), "SIP/2.0 200 OK");
  t.strictSame(rawValues(answer, "Via"), VIAS);
  t.strictSame(rawValues(answer, "Record-Route"), ROUTES);
  t.strictSame(rawValues(answer, "From"), [FROM]);
  t.match(rawValues(answer, "To")[0], /^<sip:ocschat@contoso\.com>;tag=[0-9a-f]+$/);
  t.strictSame(rawValues(answer, "Contact"), [`<${contact}>`]);
  t.strictSame(rawValues(answer, "Supported"), ["timer"]);
  t.strictSame(rawValues(answer, "Session-Expires"), ["1800;refresher=uac"]);
  t.match(answer, /\r\n\r\nv=0\r\n.*\r\nm=message \d+ sip null\r\n/s);
});

t.test("INFO cmd:requri: 200, and a separate INFO down the route set that names the channel address", async (t) => {
  const { peer, contact, ladder } = await pool(t);
  peer.send(invite());
  const to = rawValues(await peer.next(), "To")[0]!;
  peer.send(info(contact, to, REQURI));
  t.equal(startLine(await peer.next()), "SIP/2.0 200 OK");
  const reply = await peer.next();
  t.equal(startLine(reply), `INFO ${GRUU} SIP/2.0`);
  t.strictSame(rawValues(reply, "Route"), ROUTES);
  t.strictSame(rawValues(reply, "From"), [to]);
  t.strictSame(rawValues(reply, "To"), [FROM]);
  t.strictSame(rawValues(reply, "CSeq"), ["1 INFO"]);
  t.match(reply, `<commandid seqid="1" envid="133417290"/><resp code="200">SUCCESS_OK</resp>`);
  t.match(reply, `<uib uri="${CHANNEL_ADDRESS}"/>`);
  t.strictSame(ladder.brokenRules, []);
});

t.test("a line of chat goes to every dialog that has joined the room, and to no other", async (t) => {
  const { peer, contact, sample } = await pool(t);
  const other = await RawSipPeer.connect(sample.address);
  t.teardown(() => other.close());
  peer.send(invite());
  const to = rawValues(await peer.next(), "To")[0]!;
  other.send(invite());
  await other.next();
  const [, domain, id] = /^ma-chan:\/\/([^/]+)\/(.+)$/.exec(LOBBY.uri)!;
  const join = `<cmd id="cmd:join" seqid="1"><data><chanid key="0" domain="${domain}" value="${id}"/></data></cmd>`;
  peer.send(info(contact, to, join));
  t.equal(startLine(await peer.next()), "SIP/2.0 200 OK");
  t.match(await peer.next(), `<chanib name="Lobby"`);
  const chat = `<grpchat id="grpchat" seqid="1" chanUri="${LOBBY.uri}" author="sip:alice@contoso.com"><chat>hi</chat></grpchat>`;
  peer.send(info(contact, to, chat));
  t.equal(startLine(await peer.next()), "SIP/2.0 200 OK");
  t.match(await peer.next(), /author="sip:alice@contoso\.com" ts="[^"]+"><chat>hi<\/chat>/);
  other.send(request("OPTIONS", "sip:pcpool.contoso.com", "<sip:pcpool.contoso.com>"));
  t.match(
    await other.next(),
    /^SIP\/2\.0 200 OK\r\n.*CSeq: 1 OPTIONS/s,
    "the other hears only the answer to its OPTIONS",
  );
});

t.test("BYE: 200, and the dialog is gone: 481", async (t) => {
  const { peer, contact } = await pool(t);
  peer.send(invite());
  const to = rawValues(await peer.next(), "To")[0]!;
  peer.send(request("BYE", contact, to));
  t.equal(startLine(await peer.next()), "SIP/2.0 200 OK");
  peer.send(info(contact, to, REQURI));
  t.match(startLine(await peer.next()), "SIP/2.0 481 ");
});

for (const to of ["<sip:ocschat@contoso.com>;tag=unknown", "<sip:ocschat@contoso.com>"]) {
  t.test(`BYE outside a dialog, To ${to}: 481`, async (t) => {
    const { peer, contact } = await pool(t);
    peer.send(request("BYE", contact, to));
    t.match(startLine(await peer.next()), "SIP/2.0 481 ");
  });
}

t.test("SUBSCRIBE: 200 and a NOTIFY; with Expires 0 the NOTIFY ends it (RFC 6665)", async (t) => {
  const { peer, contact } = await pool(t);
  peer.send(invite("SUBSCRIBE", ["Event: presence", "Expires: 600"]));
  const answer = await peer.next();
  t.equal(startLine(answer), "SIP/2.0 200 OK");
  t.strictSame(rawValues(answer, "Expires"), ["600"]);
  const notify = await peer.next();
  t.equal(startLine(notify), `NOTIFY ${GRUU} SIP/2.0`);
  t.strictSame(rawValues(notify, "Subscription-State"), ["active;expires=600"]);
  t.strictSame(rawValues(notify, "Event"), ["presence"]);
  peer.send(sipAnswer(notify, "200 OK"));
  peer.send(request("SUBSCRIBE", contact, rawValues(answer, "To")[0]!, ["Event: presence", "Expires: 0"]));
  t.equal(startLine(await peer.next()), "SIP/2.0 200 OK");
  t.match(rawValues(await peer.next(), "Subscription-State")[0], /^terminated/);
});

t.test("CANCEL reaches an INVITE that is not answered yet: 200, and 487 to the INVITE (§9.2)", async (t) => {
  const { peer } = await pool(t, { misbehave: { invite: "silent" } });
  peer.send(invite());
  peer.send(invite("CANCEL"));
  t.match(await peer.next(), /^SIP\/2\.0 200 OK\r\n.*CSeq: 1 CANCEL/s);
  t.match(await peer.next(), /^SIP\/2\.0 487 .*CSeq: 1 INVITE/s);
});

t.test("a dialog whose connection is gone is continued on a new one to the topmost Route (§12.2.1.1)", async (t) => {
  const listener = await RawSipListener.start();
  t.teardown(() => listener.close());
  const { peer, contact, sample } = await pool(t, { resolve: { "gw.contoso.com": listener.address } });
  peer.send(invite());
  const to = rawValues(await peer.next(), "To")[0]!;
  peer.close();
  await peer.closed;
  const second = await RawSipPeer.connect(sample.address);
  t.teardown(() => second.close());
  second.send(info(contact, to, REQURI));
  t.equal(startLine(await second.next()), "SIP/2.0 200 OK");
  const dialledBack = await listener.next();
  t.equal(startLine(await dialledBack.next()), `INFO ${GRUU} SIP/2.0`);
});

t.test("what must not reach the end of a proxied path is noticed", async (t) => {
  const wrong: ReadonlyArray<[string, string, (text: string) => string]> = [
    ["a topmost Via without branch", "via-branch", (text) => text.replace(";branch=z9hG4bKgw1", "")],
    ["no Max-Forwards", "max-forwards", (text) => text.replace(/Max-Forwards:.*\r\n/, "")],
    [
      "a Route that should have been taken off",
      "route-left",
      (text) => text.replace("From:", `Route: ${ROUTES[0]}\r\nFrom:`),
    ],
    ["a Record-Route without ;lr", "lr", (text) => text.replace("tcp;lr>", "tcp>")],
  ];
  for (const [name, rule, change] of wrong) {
    t.test(`${name}: ${rule}`, async (t) => {
      const { peer, ladder } = await pool(t);
      peer.send(change(invite()));
      await peer.next();
      t.match(ladder.brokenRules, [{ noticedBy: "pool", rule }]);
      t.equal(ladder.brokenRules.length, 1);
    });
  }
});

t.test("it listens on IPv6, too", async (t) => {
  const { peer, sample } = await pool(t, { listen: { address: "::1", port: 0 } });
  t.equal(sample.address.address, "::1");
  peer.send(invite());
  t.match(await peer.next(), /\r\nc=IN IP6 ::1\r\n/);
});

t.test("a keepalive of two CRLF is answered with one (RFC 5626 §3.5.1)", async (t) => {
  const { peer } = await pool(t);
  const answered = once(peer.socket, "data");
  peer.send("\r\n\r\n");
  t.equal(String((await answered)[0]), "\r\n");
});

t.test("a message in pieces is read as one, and two in one piece as two", async (t) => {
  const { peer } = await pool(t);
  const [first, second] = [invite("OPTIONS"), invite("OPTIONS").replace("CSeq: 1", "CSeq: 2")];
  await new Promise<void>((resolve) => peer.socket.write(first.slice(0, 40), () => resolve()));
  peer.send(first.slice(40) + second);
  t.strictSame(rawValues(await peer.next(), "CSeq"), ["1 OPTIONS"]);
  t.strictSame(rawValues(await peer.next(), "CSeq"), ["2 OPTIONS"]);
});
