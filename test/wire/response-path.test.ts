import t from "tap";
import { CoreHarness, GATEWAY_V6, listener, proxyTo, sip } from "../support/core-harness.ts";
import { FRONT_END, lookupInvite, POOL, request } from "./texts.ts";

/** An OPTIONS whose topmost Via is the given one. */
function options(via: string): string {
  return sip`
    OPTIONS sip:ocschat@contoso.com SIP/2.0
    Via: ${via}
    From: <sip:alice@contoso.com>;tag=1
    To: <sip:ocschat@contoso.com>
    Max-Forwards: 70
    Call-ID: 1
    CSeq: 1 OPTIONS
    Content-Length: 0
  `;
}

for (const [title, sent, written] of [
  ["alone at the end", "192.0.2.9:5060;branch=z9hG4bK1;rport", "192.0.2.9:5060;branch=z9hG4bK1;rport=40000"],
  ["before the branch", "192.0.2.9:5060;rport;branch=z9hG4bK1", "192.0.2.9:5060;rport=40000;branch=z9hG4bK1"],
  ["with white space", "192.0.2.9 ; rport ; branch=z9hG4bK1", "192.0.2.9 ; rport=40000 ; branch=z9hG4bK1"],
  ["in capitals", "192.0.2.9;branch=z9hG4bK1;RPort", "192.0.2.9;branch=z9hG4bK1;RPort=40000"],
] as const) {
  t.test(`rport ${title}: received and the port are written in, and the answer goes there (RFC 3581 §4)`, async (t) => {
    const net = new CoreHarness();
    const [natted, pool] = [net.udp("203.0.113.7", 40_000), net.udp(POOL)];
    natted.says(options(`SIP/2.0/UDP ${sent}`));
    const forwarded = pool.hears();
    const via = forwarded.list("Via")[1]!;
    t.match(via, /;received=203\.0\.113\.7(;|$)/);
    t.equal(via.replace(";received=203.0.113.7", ""), `SIP/2.0/UDP ${written}`);
    pool.answers(forwarded, "200 OK");
    t.equal(natted.hears().status, 200);
  });
}

t.test("rport with a value that somebody else wrote is written over (RFC 3581 §4)", async (t) => {
  const net = new CoreHarness();
  const [natted, pool] = [net.udp("203.0.113.7", 40_000), net.udp(POOL)];
  natted.says(options("SIP/2.0/UDP 192.0.2.9:5060;rport=9;received=192.0.2.1;branch=z9hG4bK1"));
  const forwarded = pool.hears();
  pool.answers(forwarded, "200 OK");
  t.same(net.udp("192.0.2.1", 9).inbox, [], "a stranger is not made to hear our answers");
  t.same(net.udp("192.0.2.1", 5060).inbox, []);
});

t.test("rport is answered by our own answers too", async (t) => {
  const net = new CoreHarness();
  const natted = net.udp("203.0.113.7", 40_000);
  natted.says(options("SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bK1;rport").replace("70", "0"));
  const answer = natted.hears();
  t.equal(answer.status, 483);
  const via = answer.one("Via");
  t.match(via, /;rport=40000(;|$)/);
  t.match(via, /;received=203\.0\.113\.7(;|$)/);
});

t.test("without rport the answer goes to the source address and the port of sent-by (§18.2.2)", async (t) => {
  const net = new CoreHarness();
  const pool = net.udp(POOL);
  net.udp("203.0.113.7", 40_000).says(options("SIP/2.0/UDP 192.0.2.9:5070;branch=z9hG4bK1"));
  const forwarded = pool.hears();
  t.equal(forwarded.list("Via")[1], "SIP/2.0/UDP 192.0.2.9:5070;branch=z9hG4bK1;received=203.0.113.7");
  pool.answers(forwarded, "200 OK");
  t.equal(net.udp("203.0.113.7", 5070).hears().status, 200);
});

t.test("without rport and without a port the answer goes to 5060 (§18.2.2)", async (t) => {
  const net = new CoreHarness();
  const pool = net.udp(POOL);
  net.udp("192.0.2.9", 40_000).says(options("SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK1"));
  pool.answers(pool.hears(), "200 OK");
  t.equal(net.udp("192.0.2.9", 5060).hears().status, 200);
});

t.test("received is written in where sent-by is a name, and not where it is the source (§18.2.1)", async (t) => {
  const net = new CoreHarness();
  const pool = net.udp(POOL);
  net.udp("192.0.2.9").says(options("SIP/2.0/UDP fe01.contoso.com;branch=z9hG4bK1"));
  t.equal(pool.hears().list("Via")[1], "SIP/2.0/UDP fe01.contoso.com;branch=z9hG4bK1;received=192.0.2.9");
  net.udp("192.0.2.9").says(options("SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK2"));
  t.equal(pool.hears().list("Via")[1], "SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK2");
});

t.test("an IPv6 sent-by is read with its brackets, and received is written without (§18.2.1, §25.1)", async (t) => {
  const net = new CoreHarness({ listeners: [listener("udp", GATEWAY_V6)], decide: proxyTo("sip:[2001:db8::20]") });
  const pool = net.udp("2001:db8::20");
  const caller = net.udp("2001:db8::9", 5070);
  caller.says(options("SIP/2.0/UDP [2001:db8::9]:5070;branch=z9hG4bK1"));
  t.equal(pool.hears().list("Via")[1], "SIP/2.0/UDP [2001:db8::9]:5070;branch=z9hG4bK1");
  caller.says(options("SIP/2.0/UDP [2001:DB8:0:0:0:0:0:99]:5070;branch=z9hG4bK2"));
  const forwarded = pool.hears();
  t.equal(forwarded.list("Via")[1], "SIP/2.0/UDP [2001:DB8:0:0:0:0:0:99]:5070;branch=z9hG4bK2;received=2001:db8::9");
  pool.answers(forwarded, "200 OK");
  t.equal(caller.hears().status, 200);
});

t.test("of several Vias in one line only the topmost is changed, and only ours is taken off (§7.3.1)", async (t) => {
  const net = new CoreHarness();
  const pool = net.udp(POOL);
  const frontEnd = net.udp("192.0.2.9");
  frontEnd.says(options("SIP/2.0/UDP fe01.contoso.com;branch=z9hG4bK1, SIP/2.0/tls 10.1.4.23:50312,SIP/2.0/UDP a"));
  const forwarded = pool.hears();
  const lower =
    "SIP/2.0/UDP fe01.contoso.com;branch=z9hG4bK1;received=192.0.2.9, SIP/2.0/tls 10.1.4.23:50312,SIP/2.0/UDP a";
  t.same(forwarded.all("Via").slice(1), [lower]);
  pool.says(
    forwarded.reply("200 OK").replace(/^Via: .*\r\nVia: .*$/m, () => `Via: ${forwarded.all("Via")[0]}, ${lower}`),
  );
  t.same(frontEnd.hears().all("Via"), [lower]);
});

t.test("an answer goes back on the TCP connection that the request came on (§18.2.2)", async (t) => {
  const net = new CoreHarness();
  const pool = net.udp(POOL);
  const frontEnd = net.tcp(FRONT_END, 50100);
  frontEnd.says(lookupInvite({ transport: "TCP" }));
  pool.answers(pool.hears(), "200 OK");
  t.same(
    frontEnd.inbox.map(({ status }) => status),
    [100, 200],
  );
});

t.test("when that connection is closed, the answer goes to the Via's address on a new one (§18.2.2)", async (t) => {
  const net = new CoreHarness();
  const pool = net.udp(POOL);
  const frontEnd = net.tcp(FRONT_END, 50100);
  frontEnd.says(request("INFO", { transport: "TCP", sentBy: "fe01.contoso.com:5070" }));
  const info = pool.hears();
  frontEnd.breaks();
  pool.answers(info, "200 OK");
  const dialled = net.dialled.at(-1);
  t.same([dialled?.flow.transport, dialled?.flow.remoteAddress, dialled?.flow.remotePort], ["tcp", FRONT_END, 5070]);
  t.equal(dialled?.hears().status, 200);
});

t.test("a Via with maddr does not make us send to a broadcast address (RFC 4475 §3.3.10)", async (t) => {
  const net = new CoreHarness();
  const attacker = net.udp("192.0.2.9");
  attacker.says(options("SIP/2.0/UDP 192.0.2.9;maddr=255.255.255.255;branch=z9hG4bK1").replace("70", "0"));
  t.same(net.udp("255.255.255.255").inbox, []);
});

t.test("the pool's answer may come from another address than the request went to", async (t) => {
  const net = new CoreHarness();
  const frontEnd = net.udp(FRONT_END);
  frontEnd.says(request("INFO"));
  net.udp("10.2.0.99", 40_001).answers(net.udp(POOL).hears(), "200 OK");
  t.equal(frontEnd.hears().status, 200);
});

t.test("a compact and folded topmost Via gets its source written in as well (§7.3.3)", async (t) => {
  const net = new CoreHarness();
  const pool = net.udp(POOL);
  const natted = net.udp("203.0.113.7", 40_000);
  natted.says(
    options("x").replace("Via: x", "v:\r\n SIP/2.0/UDP\r\n 192.0.2.9;rport;branch=z9hG4bK1,\r\n SIP/2.0/tls a"),
  );
  const forwarded = pool.hears();
  const [, caller, below] = forwarded.list("Via");
  t.match(caller, /^SIP\/2\.0\/UDP\s+192\.0\.2\.9;rport=40000;branch=z9hG4bK1;received=203\.0\.113\.7$/);
  t.equal(below, "SIP/2.0/tls a");
  pool.answers(forwarded, "200 OK");
  t.equal(natted.hears().list("Via")[0], caller);
});

for (const [title, together] of [
  ["in compact form, in one line with the others", (ours: string, theirs: string) => `v: ${ours}, ${theirs}`],
  ["in compact form, in a line of its own", (ours: string, theirs: string) => `v: ${ours}\r\nv: ${theirs}`],
  [
    "in a line of its own, the others in compact form",
    (ours: string, theirs: string) => `Via: ${ours}\r\nv: ${theirs}`,
  ],
  ["in a folded line", (ours: string, theirs: string) => `Via:\r\n ${ours},\r\n ${theirs}`],
] as const) {
  t.test(`our Via is taken off an answer ${title} (§16.7 step 3)`, async (t) => {
    const net = new CoreHarness();
    const [frontEnd, pool] = [net.udp(FRONT_END), net.udp(POOL)];
    frontEnd.says(request("INFO"));
    const info = pool.hears();
    const [ours, ...theirs] = info.list("Via");
    const withoutVias = info.reply("200 OK").replace(/^Via: .*\r\n/gm, "");
    pool.says(withoutVias.replace("\r\n", () => `\r\n${together(ours!, theirs.join(", "))}\r\n`));
    const answer = frontEnd.hears();
    t.same(answer.list("Via"), theirs);
    t.same(
      answer.headers.filter(({ name }) => name.length === 1),
      [],
    );
  });
}
