import t from "tap";
import { CoreHarness, sip } from "../support/core-harness.ts";
import { FRONT_END, fromPool, inDialog, NAMES, POOL } from "./texts.ts";

for (const method of ["INFO", "BYE", "NOTIFY", "UPDATE", "MESSAGE", "INVITE"]) {
  t.test(`${method} from the pool goes down the route set to a front end that was never dialled before`, async (t) => {
    const net = new CoreHarness({ names: NAMES });
    const pool = net.udp(POOL);
    pool.says(fromPool(method));
    const [frontEnd] = net.dialled;
    t.same([frontEnd?.flow.remoteAddress, frontEnd?.flow.remotePort], [FRONT_END, 5060]);
    const request = frontEnd!.hears();
    t.equal(request.startLine, `${method} sip:alice@contoso.com;opaque=user:epid:b514060a2da2;gruu SIP/2.0`);
    t.same(request.list("Route"), ["<sip:fe01.contoso.com:5060;opaque=state:T:F;lr>"]);
    t.equal(request.one("From"), "<sip:OCSChat@contoso.com>;tag=1347777be4");
    t.equal(request.one("To"), "<sip:alice@contoso.com>;tag=1182052772;epid=c97532c1946f");
    net.clear();
    frontEnd!.answers(request, "200 OK");
    const ok = pool.hears();
    t.equal(ok.status, 200);
    t.same(ok.all("Via"), [`SIP/2.0/UDP ${POOL}:5060;branch=z9hG4bKpool-${method}-1`]);
  });
}

t.test("a change of the table does not touch a live dialog, in either direction", async (t) => {
  const net = new CoreHarness({
    names: NAMES,
    decide: { kind: "reject", status: 404, reason: "Not Found", explanation: "the row was removed" },
  });
  net.udp(FRONT_END).says(inDialog("INFO"));
  t.equal(net.udp(POOL).hears().method, "INFO");
  net.udp(POOL).says(fromPool("INFO"));
  t.equal(net.udp(FRONT_END).hears().method, "INFO");
  t.same(net.decisions, []);
});

t.test("the pool's requri answer is carried untouched", async (t) => {
  const net = new CoreHarness({ names: NAMES });
  const body =
    '<xccos ver="1" envid="7962449779256946" xmlns="urn:parlano:xml:ns:xccos">\n<rpl id="rpl:requri" seqid="1">' +
    '<data><uib uri="sip:GC-1-PersistentChatService-1@contoso.com"/></data></rpl></xccos>';
  net
    .udp(POOL)
    .says(
      fromPool("INFO").replace(
        "Content-Length: 0\r\n\r\n",
        `Content-Type: text/plain\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
      ),
    );
  const info = net.udp(FRONT_END).hears();
  t.equal(info.body, body);
  t.equal(info.one("Content-Type"), "text/plain");
});

t.test("the client's 501, 415 and 487 reach the pool as they are", async (t) => {
  const net = new CoreHarness({ names: NAMES });
  const [frontEnd, pool] = [net.udp(FRONT_END), net.udp(POOL)];
  for (const [cseq, status] of ["501 Not Implemented", "415 Unsupported Media Type", "487 Gone"].entries()) {
    pool.says(fromPool("UPDATE", { cseq: cseq + 1 }));
    frontEnd.answers(frontEnd.hears(), status);
    t.equal(pool.hears().startLine, `SIP/2.0 ${status}`);
  }
});

t.test("without a Route left, the request goes to the client's Contact", async (t) => {
  const net = new CoreHarness();
  net.udp(POOL).says(sip`
    BYE sip:alice@10.1.4.23:50312 SIP/2.0
    Via: SIP/2.0/UDP ${POOL};branch=z9hG4bKpool1
    Route: <sip:gw.contoso.com:5060;transport=udp;lr>
    From: <sip:ocschat@contoso.com>;tag=1347777be4
    To: <sip:alice@contoso.com>;tag=1182052772
    Max-Forwards: 70
    Call-ID: 1
    CSeq: 1 BYE
    Content-Length: 0
  `);
  t.equal(net.udp("10.1.4.23", 50312).hears().requestUri, "sip:alice@10.1.4.23:50312");
});

t.test("ACK and INFO that arrive together are both sent on, in order", async (t) => {
  const net = new CoreHarness({ names: { "pcpool.contoso.com": [`tcp:${POOL}:5060`] } });
  const frontEnd = net.tcp(FRONT_END, 50100);
  frontEnd.says(inDialog("ACK", { transport: "TCP", cseq: 1 }));
  frontEnd.says(inDialog("INFO", { transport: "TCP", cseq: 2 }));
  const pool = net.tcp(POOL, 5060);
  t.same(
    pool.inbox.map((message) => message.one("CSeq")),
    ["1 ACK", "2 INFO"],
  );
});

t.test("ACK and INFO stay in order while the pool's name is being looked up", async (t) => {
  const net = new CoreHarness({ locateLater: true });
  const frontEnd = net.tcp(FRONT_END, 50100);
  frontEnd.says(inDialog("ACK", { transport: "TCP", cseq: 1 }));
  frontEnd.says(inDialog("INFO", { transport: "TCP", cseq: 2 }));
  net.answerLocate("pcpool.contoso.com", `tcp:${POOL}:5060`);
  net.answerLocate("pcpool.contoso.com", `tcp:${POOL}:5060`);
  t.same(
    net.tcp(POOL, 5060).inbox.map((message) => message.one("CSeq")),
    ["1 ACK", "2 INFO"],
  );
});
