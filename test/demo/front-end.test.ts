import t, { type Test } from "tap";
import { FrontEnd, type FrontEndOptions } from "../../src/demo/front-end.ts";
import { Ladder } from "../../src/demo/ladder.ts";
import { RawSipListener, RawSipPeer, rawValues, sipAnswer, sipMessage, startLine } from "../support/raw-sip-peer.ts";

const USER = "sip:alice@contoso.com";
const GRUU = "sip:alice@contoso.com;opaque=user:epid:c97532c1946f;gruu";
const FROM = "<sip:alice@contoso.com>;tag=1182052772;epid=c97532c1946f";

/** A front end between a client and a gateway which the test both plays by hand. */
async function between(t: Test, options: FrontEndOptions = {}) {
  const gateway = await RawSipListener.start();
  const ladder = new Ladder();
  const frontEnd = new FrontEnd({
    listen: { address: "127.0.0.1", port: 0 },
    nextHop: gateway.address,
    recorder: ladder,
    ...options,
  });
  await frontEnd.start();
  const client = await RawSipPeer.connect(frontEnd.address);
  t.teardown(async () => {
    client.close();
    await frontEnd.close();
    await gateway.close();
  });
  client.send(
    request(client, "REGISTER", "sip:contoso.com", ["Contact: <sip:127.0.0.1:1>", "Event: registration"], USER),
  );
  const registered = await client.next();
  const recordRoute = `<sip:fe01.contoso.com:${frontEnd.address.port};transport=tcp;opaque=state:T:F;lr>`;
  return { gateway, ladder, frontEnd, client, registered, recordRoute };
}

function request(client: RawSipPeer, method: string, uri: string, more: readonly string[] = [], to = uri): string {
  return sipMessage([
    `${method} ${uri} SIP/2.0`,
    `Via: SIP/2.0/tcp 127.0.0.1:${client.socket.localPort}`,
    `From: ${FROM}`,
    `To: <${to}>`,
    "Max-Forwards: 70",
    `CSeq: 1 ${method}`,
    `Call-ID: call-${method}`,
    ...more,
  ]);
}

const LEGACY = "sip:ocschat@contoso.com";

t.test("REGISTER: 200 without a challenge, with a GRUU", async (t) => {
  const { registered } = await between(t);
  t.equal(startLine(registered), "SIP/2.0 200 OK");
  t.match(rawValues(registered, "Contact")[0], `gruu="${GRUU}"`);
  t.strictSame(rawValues(registered, "Supported"), ["msrtc-event-categories"]);
});

t.test("a client's INVITE goes on with our Via and Record-Route, the client's Via marked", async (t) => {
  const { client, gateway, recordRoute, frontEnd } = await between(t);
  client.send(request(client, "INVITE", LEGACY, [`Contact: <${GRUU}>`]));
  t.equal(startLine(await client.next()), "SIP/2.0 100 Trying");
  const onward = await (await gateway.next()).next();
  t.equal(startLine(onward), `INVITE ${LEGACY} SIP/2.0`);
  const [ours, clients] = rawValues(onward, "Via");
  t.match(ours, new RegExp(`^SIP/2\\.0/TCP fe01\\.contoso\\.com:${frontEnd.address.port};branch=z9hG4bK`));
  t.match(clients, /^SIP\/2\.0\/tcp 127\.0\.0\.1:(\d+);ms-received-port=\1;ms-received-cid=[0-9A-F]+$/);
  t.strictSame(rawValues(onward, "Record-Route"), [recordRoute]);
  t.strictSame(rawValues(onward, "Max-Forwards"), ["69"]);
  t.strictSame(rawValues(onward, "From"), [FROM]);
});

t.test("answers go back by Via, without ours; a 100 goes no further", async (t) => {
  const { client, gateway } = await between(t);
  client.send(request(client, "INVITE", LEGACY));
  await client.next();
  const hop = await gateway.next();
  const onward = await hop.next();
  hop.send(sipAnswer(onward, "100 Trying"));
  hop.send(sipAnswer(onward, "200 OK"));
  const answer = await client.next();
  t.equal(startLine(answer), "SIP/2.0 200 OK");
  t.strictSame(rawValues(answer, "Via"), rawValues(onward, "Via").slice(1));
});

t.test("a non-2xx answer to INVITE is acknowledged here, on the same branch (§17.1.1.3)", async (t) => {
  const { client, gateway } = await between(t);
  client.send(request(client, "INVITE", LEGACY));
  await client.next();
  const hop = await gateway.next();
  const onward = await hop.next();
  hop.send(sipAnswer(onward, "404 Not Found"));
  const ack = await hop.next();
  t.equal(startLine(ack), `ACK ${LEGACY} SIP/2.0`);
  t.strictSame(rawValues(ack, "Via"), rawValues(onward, "Via").slice(0, 1));
  t.strictSame(rawValues(ack, "To"), [`<${LEGACY}>;tag=raw1`]);
  t.strictSame(rawValues(ack, "CSeq"), ["1 ACK"]);
  t.equal(startLine(await client.next()), "SIP/2.0 404 Not Found");
});

for (const status of ["302 Moved Temporarily", "303 See Other"]) {
  t.test(`${status} goes to the client where the front end does not recurse`, async (t) => {
    const { client, gateway } = await between(t);
    client.send(request(client, "INVITE", LEGACY));
    await client.next();
    const hop = await gateway.next();
    hop.send(sipAnswer(await hop.next(), status, ["Contact: <sip:ocschat@pcpool.contoso.com>"]));
    t.equal(startLine(await client.next()), `SIP/2.0 ${status}`);
  });

  t.test(`${status} is followed where the front end recurses (§16.7 step 4)`, async (t) => {
    const pool = await RawSipListener.start();
    t.teardown(() => pool.close());
    const { client, gateway } = await between(t, { recurse3xx: true, resolve: { "pcpool.contoso.com": pool.address } });
    client.send(request(client, "INVITE", LEGACY));
    await client.next();
    const hop = await gateway.next();
    hop.send(sipAnswer(await hop.next(), status, ["Contact: <sip:ocschat@pcpool.contoso.com>"]));
    t.match(startLine(await hop.next()), /^ACK /);
    const target = await pool.next();
    const recursed = await target.next();
    t.equal(startLine(recursed), "INVITE sip:ocschat@pcpool.contoso.com SIP/2.0");
    t.strictSame(rawValues(recursed, "To"), [`<${LEGACY}>`]);
    target.send(sipAnswer(recursed, "200 OK"));
    t.equal(startLine(await client.next()), "SIP/2.0 200 OK");
  });
}

t.test("a request from the pool comes in on a new connection and reaches the client by its GRUU", async (t) => {
  const { client, frontEnd, recordRoute, ladder } = await between(t);
  const gateway = await RawSipPeer.connect(frontEnd.address);
  t.teardown(() => gateway.close());
  const via = "SIP/2.0/TCP gw.contoso.com:5060;branch=z9hG4bKgw7";
  const lines = [
    `Via: ${via}`,
    `Route: ${recordRoute}`,
    `From: <${LEGACY}>;tag=p1`,
    `To: ${FROM}`,
    "Call-ID: c",
    "CSeq: 1 INFO",
  ];
  gateway.send(sipMessage([`INFO ${GRUU} SIP/2.0`, ...lines, "Max-Forwards: 69"]));
  const info = await client.next();
  t.equal(startLine(info), `INFO ${GRUU} SIP/2.0`);
  t.strictSame(rawValues(info, "Route"), []);
  t.equal(rawValues(info, "Via").length, 2);
  client.send(sipAnswer(info, "200 OK"));
  const answer = await gateway.next();
  t.equal(startLine(answer), "SIP/2.0 200 OK");
  t.strictSame(rawValues(answer, "Via"), [via]);
  t.strictSame(ladder.brokenRules, []);
});

t.test("ACK and INFO that came in one segment leave in one, in order", async (t) => {
  const { client, gateway } = await between(t);
  client.send(request(client, "INVITE", LEGACY));
  await client.next();
  const hop = await gateway.next();
  hop.send(sipAnswer(await hop.next(), "200 OK"));
  await client.next();
  client.send(request(client, "ACK", LEGACY) + request(client, "INFO", LEGACY));
  t.match(startLine(await hop.next()), /^ACK /);
  t.match(startLine(await hop.next()), /^INFO /);
  t.ok(
    hop.chunks.some((chunk) => /^ACK .*\r\n\r\nINFO /s.test(chunk)),
    "one segment",
  );
});

t.test("a next hop that nobody listens at: 504", async (t) => {
  const gone = await RawSipListener.start();
  const nextHop = gone.address;
  await gone.close();
  const { client } = await between(t, { nextHop });
  client.send(request(client, "INFO", LEGACY));
  t.equal(startLine(await client.next()), "SIP/2.0 504 Server Time-out");
});

t.test("a next hop that closes the connection instead of answering: 504", async (t) => {
  const { client, gateway } = await between(t);
  client.send(request(client, "INFO", LEGACY));
  const hop = await gateway.next();
  await hop.next();
  hop.close();
  t.equal(startLine(await client.next()), "SIP/2.0 504 Server Time-out");
});

t.test("what a gateway must not do is noticed", async (t) => {
  t.test("an answer with the client's Via changed: via-below", async (t) => {
    const { client, gateway, ladder } = await between(t);
    client.send(request(client, "INFO", LEGACY));
    const hop = await gateway.next();
    hop.send(sipAnswer(await hop.next(), "200 OK").replace(";ms-received-port", ";rport=1;ms-received-port"));
    await client.next();
    t.match(ladder.brokenRules, [{ noticedBy: "front end", rule: "via-below" }]);
  });

  t.test("a second final answer: answer", async (t) => {
    const { client, gateway, ladder } = await between(t);
    client.send(request(client, "INFO", LEGACY));
    const hop = await gateway.next();
    const answer = sipAnswer(await hop.next(), "200 OK");
    hop.send(answer + answer);
    await client.next();
    hop.socket.end();
    await hop.closed;
    t.match(ladder.brokenRules, [{ noticedBy: "front end", rule: "answer" }]);
  });

  t.test("a request in a dialog without our Route: route", async (t) => {
    const { client, frontEnd, ladder } = await between(t);
    const gateway = await RawSipPeer.connect(frontEnd.address);
    t.teardown(() => gateway.close());
    const lines = [
      "Via: SIP/2.0/TCP gw;branch=z9hG4bK8",
      `From: <${LEGACY}>;tag=p`,
      `To: ${FROM}`,
      "Call-ID: c",
      "CSeq: 1 BYE",
    ];
    gateway.send(sipMessage([`BYE ${GRUU} SIP/2.0`, ...lines, "Max-Forwards: 69"]));
    await client.next();
    t.match(ladder.brokenRules, [{ noticedBy: "front end", rule: "route" }]);
  });

  t.test("a Record-Route that leads over UDP: transport", async (t) => {
    const { client, gateway, ladder } = await between(t);
    client.send(request(client, "INFO", LEGACY, ["Route: <sip:gw.contoso.com:5060;lr>"]));
    await (await gateway.next()).next();
    t.match(ladder.brokenRules, [{ noticedBy: "front end", rule: "transport" }]);
  });
});
