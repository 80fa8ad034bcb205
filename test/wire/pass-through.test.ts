import t from "tap";
import { CoreHarness, proxyTo, sip } from "../support/core-harness.ts";
import { CLIENT, FRONT_END, POOL, request } from "./texts.ts";

const EVERY_BYTE = String.fromCharCode(...Array(256).keys());

t.test("a request goes through byte for byte, but for what §16.6 asks for", async (t) => {
  const net = new CoreHarness({ decide: proxyTo(`sip:${POOL}`) });
  net.udp(FRONT_END).says(sip`
    INVITE sip:OCSChat@contoso.com SIP/2.0
    Via: SIP/2.0/UDP 10.1.0.1:5060;branch=z9hG4bKfe1
    VIA: SIP/2.0/tls 10.1.4.23:50312
    FROM:"Alice \"A\" Liddell"<sip:alice@contoso.com>;tag=1182052772;epid=c97532c1946f
    to: <sip:OCSChat@contoso.com>
    max-FORWARDS: 69
    X-Empty:
    x-twice:   one
    Call-ID: 1367g8DF2a6511i08BBm61D9t91D9b9F7CxD11Bx
    X-Twice: two  two
    CSeq: 1 INVITE
    Ms-Conversation-ID: AcrfR0/b==
    Subject: a folded
      header,
    ${"\t"}as it came
    Authorization: NTLM qop="auth", opaque="4F1BA35D", realm="SIP Communications Service"
    Session-Expires: 1800;refresher=uac
    Content-Type: application/sdp
    Content-Length: 5

    v=0
  `);
  const forwarded = net.udp(POOL).hears();
  t.equal(
    forwarded.text,
    sip`
      INVITE sip:OCSChat@contoso.com SIP/2.0
      Via: ${forwarded.all("Via")[0]!}
      Record-Route: ${forwarded.all("Record-Route")[0]!}
      Via: SIP/2.0/UDP 10.1.0.1:5060;branch=z9hG4bKfe1
      VIA: SIP/2.0/tls 10.1.4.23:50312
      FROM:"Alice \"A\" Liddell"<sip:alice@contoso.com>;tag=1182052772;epid=c97532c1946f
      to: <sip:OCSChat@contoso.com>
      max-FORWARDS: 68
      X-Empty:
      x-twice:   one
      Call-ID: 1367g8DF2a6511i08BBm61D9t91D9b9F7CxD11Bx
      X-Twice: two  two
      CSeq: 1 INVITE
      Ms-Conversation-ID: AcrfR0/b==
      Subject: a folded
        header,
      ${"\t"}as it came
      Authorization: NTLM qop="auth", opaque="4F1BA35D", realm="SIP Communications Service"
      Session-Expires: 1800;refresher=uac
      Content-Type: application/sdp
      Content-Length: 5

      v=0
    `,
  );
});

t.test("an answer goes through byte for byte, but for our Via (§16.7 step 3)", async (t) => {
  const net = new CoreHarness();
  const [frontEnd, pool] = [net.udp(FRONT_END), net.udp(POOL)];
  frontEnd.says(request("INVITE", { to: "<sip:OCSChat@contoso.com>" }));
  const invite = pool.hears();
  net.clear();
  const rest = sip`
    Via: SIP/2.0/UDP 10.1.0.1:5060;branch=z9hG4bKfe-INVITE-1
    Via: SIP/2.0/tls 10.1.4.23:50312
    Record-Route: <sip:gw.contoso.com:5060;transport=udp;lr>
    FROM: <sip:alice@contoso.com>;tag=1182052772;epid=c97532c1946f
    To:<sip:OCSChat@contoso.com>;tag=1347777be4
    Call-ID: 1367g8DF2a6511i08BBm61D9t91D9b9F7CxD11Bx
    cseq: 1   INVITE
    Contact: <sip:pcpool.contoso.com:5061;transport=tls>
    Require: timer
    Session-Expires: 1800;refresher=uac
    X-Pool:
     folded
    Content-Type: text/plain
    Content-Length: 3

    a
  `;
  pool.says(`SIP/2.0 200 Fine\r\nVia: ${invite.all("Via")[0]}\r\n${rest}`);
  t.equal(frontEnd.hears().text, `SIP/2.0 200 Fine\r\n${rest}`);
});

t.test("compact names of a pool's answer become long ones, for a client that knows no others", async (t) => {
  const net = new CoreHarness();
  const [frontEnd, pool] = [net.udp(FRONT_END), net.udp(POOL)];
  frontEnd.says(request("INVITE"));
  const invite = pool.hears();
  net.clear();
  pool.says(sip`
    SIP/2.0 200 OK
    v: ${invite.all("Via")[0]!}
    V: SIP/2.0/UDP 10.1.0.1:5060;branch=z9hG4bKfe-INVITE-1, SIP/2.0/tls 10.1.4.23:50312
    f: <sip:alice@contoso.com>;tag=1182052772;epid=c97532c1946f
    t: <sip:ocschat@contoso.com>;tag=1
    i: 1367g8DF2a6511i08BBm61D9t91D9b9F7CxD11Bx
    CSeq: 1 INVITE
    m: <sip:pcpool.contoso.com:5061;transport=tls>
    k: timer
    x: 1800
    e: identity
    c: text/plain
    l: 4

    hi
  `);
  t.equal(
    frontEnd.hears().text,
    sip`
      SIP/2.0 200 OK
      Via: SIP/2.0/UDP 10.1.0.1:5060;branch=z9hG4bKfe-INVITE-1, SIP/2.0/tls 10.1.4.23:50312
      From: <sip:alice@contoso.com>;tag=1182052772;epid=c97532c1946f
      To: <sip:ocschat@contoso.com>;tag=1
      Call-ID: 1367g8DF2a6511i08BBm61D9t91D9b9F7CxD11Bx
      CSeq: 1 INVITE
      Contact: <sip:pcpool.contoso.com:5061;transport=tls>
      Supported: timer
      Session-Expires: 1800
      Content-Encoding: identity
      Content-Type: text/plain
      Content-Length: 4

      hi
    `,
  );
});

t.test("compact names of a pool's own requests become long ones as well", async (t) => {
  const net = new CoreHarness();
  net.udp(POOL).says(sip`
    NOTIFY sip:alice@10.1.4.23:5060 SIP/2.0
    v: SIP/2.0/UDP ${POOL};branch=z9hG4bKp
    Route: <sip:gw.contoso.com;lr>
    f: <sip:ocschat@contoso.com>;tag=1
    t: <sip:alice@contoso.com>;tag=2
    i: 1
    CSeq: 1 NOTIFY
    Max-Forwards: 70
    o: presence
    u: presence
    r: <sip:x@contoso.com>
    b: <sip:y@contoso.com>
    s: hello
    a: *;methods="INFO"
    d: queue
    j: *;mobility="mobile"
    n: <https://contoso.com/cert>
    y: "c2lnbmVk"
    l: 0
  `);
  const notify = net.udp(CLIENT).hears();
  const short = notify.headers.filter(({ name }) => name.length === 1);
  t.same(short, []);
  t.same(
    notify.headers.slice(-12).map(({ name }) => name),
    [
      ...["Max-Forwards", "Event", "Allow-Events", "Refer-To", "Referred-By", "Subject", "Accept-Contact"],
      ...["Request-Disposition", "Reject-Contact", "Identity-Info", "Identity", "Content-Length"],
    ],
  );
});

t.test("a datagram without Content-Length is sent on with one, in either direction (§18.3)", async (t) => {
  const net = new CoreHarness();
  const [frontEnd, pool] = [net.udp(FRONT_END), net.udp(POOL)];
  frontEnd.says(request("INFO").replace("Content-Length: 0\r\n\r\n", "Content-Type: text/plain\r\n\r\n<xccos/>"));
  const info = pool.hears();
  t.equal(info.one("Content-Length"), "8");
  t.equal(info.body, "<xccos/>");
  pool.says(info.reply("200 OK").replace("Content-Length: 0\r\n", ""));
  t.equal(frontEnd.hears().one("Content-Length"), "0");
});

t.test("bytes behind the body of a datagram are not sent on (§18.3)", async (t) => {
  const net = new CoreHarness();
  net.udp(FRONT_END).says(`${request("INFO")}trailing octets`);
  t.equal(net.udp(POOL).hears().body, "");
});

t.test("a body is bytes: all 256 values go through in both directions", async (t) => {
  const net = new CoreHarness();
  const [frontEnd, pool] = [net.udp(FRONT_END), net.udp(POOL)];
  frontEnd.says(request("INFO").replace("Content-Length: 0\r\n\r\n", `Content-Length: 256\r\n\r\n${EVERY_BYTE}`));
  const info = pool.hears();
  t.equal(info.body, EVERY_BYTE);
  pool.answers(info, "200 OK", { body: EVERY_BYTE });
  t.equal(frontEnd.hears().body, EVERY_BYTE);
});

t.test("`To :` with a space before the colon is read, and kept as it is (§7.3.1)", async (t) => {
  const net = new CoreHarness();
  net.udp(FRONT_END).says(request("INVITE").replace("To:", "To :").replace("Call-ID:", "Call-ID\t :"));
  const { text } = net.udp(POOL).hears();
  t.match(text, "\r\nTo : <sip:ocschat@contoso.com>\r\n");
  t.match(text, "\r\nCall-ID\t : 1367g8DF2a6511i08BBm61D9t91D9b9F7CxD11Bx\r\n");
});

t.test("we add no session timer and no option tag of our own", async (t) => {
  const net = new CoreHarness();
  const [frontEnd, pool] = [net.udp(FRONT_END), net.udp(POOL)];
  frontEnd.says(request("INVITE"));
  const invite = pool.hears();
  pool.answers(invite, "200 OK");
  frontEnd.hears();
  for (const message of [invite, frontEnd.hears()]) {
    for (const name of ["Session-Expires", "Min-SE", "Supported", "Require"]) t.same(message.all(name), [], name);
  }
});

t.test("a message of a stream may be longer than any datagram, and those behind it are still read", async (t) => {
  const net = new CoreHarness({ decide: proxyTo(`sip:${POOL};transport=tcp`) });
  const [client, pool] = [net.tcp(FRONT_END, 50100), net.tcp(POOL, 5060)];
  const subject = "x".repeat(100_000);
  const long = request("INVITE", { branch: "z9hG4bKlong" }).replace("CSeq:", `Subject: ${subject}\r\nCSeq:`);
  client.says(long);
  client.hears();
  t.equal(pool.hears().one("Subject"), subject);
  client.says(request("OPTIONS", { branch: "z9hG4bKnext" }));
  t.equal(pool.hears().method, "OPTIONS");
});
