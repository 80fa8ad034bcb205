import t from "tap";
import { CoreHarness, proxyTo } from "../support/core-harness.ts";
import { FRONT_END, inDialog, lookupInvite, POOL } from "./texts.ts";

const NAMES = { "pcpool.contoso.com": [`udp:${POOL}:5060`] };

t.test("the Request-URI that was dialled is kept, capitals included, while the pool is where it goes", async (t) => {
  const net = new CoreHarness({ decide: proxyTo("sip:pcpool.contoso.com"), names: NAMES });
  net.udp(FRONT_END).says(lookupInvite({ uri: "sip:OCSChat@Contoso.com;user=x", to: "<sip:OCSChat@contoso.com>" }));
  const invite = net.udp(POOL).hears();
  t.equal(invite.requestUri, "sip:OCSChat@Contoso.com;user=x");
  t.equal(invite.one("To"), "<sip:OCSChat@contoso.com>");
  t.same(invite.all("Route"), []);
  t.equal(net.located[0]?.host, "pcpool.contoso.com");
});

t.test("the Request-URI becomes the pool's where the row says so; To stays as dialled", async (t) => {
  const net = new CoreHarness({
    decide: { ...proxyTo("sip:pcpool.contoso.com"), requestUri: "sip:OCSChat@pcpool.contoso.com" },
    names: NAMES,
  });
  const [frontEnd, pool] = [net.udp(FRONT_END), net.udp(POOL)];
  frontEnd.says(lookupInvite({ to: "<sip:OCSChat@contoso.com>" }));
  const invite = pool.hears();
  t.equal(invite.startLine, "INVITE sip:OCSChat@pcpool.contoso.com SIP/2.0");
  t.equal(invite.one("To"), "<sip:OCSChat@contoso.com>");
  net.clear();
  pool.answers(invite, "486 Busy Here");
  t.equal(pool.hears().startLine, "ACK sip:OCSChat@pcpool.contoso.com SIP/2.0", "and so does our ACK (§17.1.1.3)");
});

t.test("a CANCEL carries the Request-URI that was sent, not the one that was dialled (§9.1)", async (t) => {
  const net = new CoreHarness({
    decide: { ...proxyTo("sip:pcpool.contoso.com"), requestUri: "sip:ocschat@pcpool.contoso.com" },
    names: NAMES,
  });
  const [frontEnd, pool] = [net.udp(FRONT_END), net.udp(POOL)];
  frontEnd.says(lookupInvite());
  pool.answers(pool.hears(), "180 Ringing");
  frontEnd.says(lookupInvite().replaceAll("INVITE", "CANCEL").replace("z9hG4bKfe-CANCEL-1", "z9hG4bKfe-INVITE-1"));
  t.equal(pool.hears().startLine, "CANCEL sip:ocschat@pcpool.contoso.com SIP/2.0");
});

t.test("inside a dialog the Request-URI is the pool's Contact, whatever its form", async (t) => {
  for (const uri of ["sip:pcpool.contoso.com:5060", `sip:${POOL}:5060`, `sip:${POOL};gruu;opaque=srvr:HomeServer:x`]) {
    const net = new CoreHarness({ names: NAMES });
    net.udp(FRONT_END).says(inDialog("INFO", { uri }));
    t.equal(net.udp(POOL).hears().requestUri, uri);
  }
});

t.test("routing is told the method, the Request-URI as it came, and who asks", async (t) => {
  const net = new CoreHarness();
  net.tcp(FRONT_END, 50100).says(lookupInvite({ transport: "TCP", uri: "sip:OCSChat@contoso.com;x=%41" }));
  t.same(net.decisions, [
    { method: "INVITE", requestUri: "sip:OCSChat@contoso.com;x=%41", transport: "tcp", sourceAddress: FRONT_END },
  ]);
});

t.test("the next hop is located with the port and transport that its URI names (RFC 3263 §4)", async (t) => {
  const net = new CoreHarness({ decide: proxyTo("sip:pcpool.contoso.com:5070;transport=tcp"), names: NAMES });
  net.udp(FRONT_END).says(lookupInvite());
  t.match(net.located, [{ host: "pcpool.contoso.com", port: 5070, transport: "tcp", secure: false, inDialog: false }]);
});
