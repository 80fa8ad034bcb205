import t from "tap";
import { CoreHarness, GATEWAY_V6, type HarnessOptions, listener, proxyTo } from "../support/core-harness.ts";
import { FRONT_END, inDialog, lookupInvite, POOL, POOL_2, request } from "./texts.ts";

const ONE = { "pcpool.contoso.com": [`udp:${POOL}:5060`], "fe01.contoso.com": [`udp:${FRONT_END}:5060`] };
const TWO = { "pcpool.contoso.com": [`udp:${POOL}:5060`, `udp:${POOL_2}:5060`] };

function net(options: HarnessOptions = {}): CoreHarness {
  return new CoreHarness({ decide: proxyTo("sip:pcpool.contoso.com"), names: ONE, ...options });
}

/** A header that makes a request of this size, or of one byte less or more. */
function padding(bytes: number): string {
  return `X-Long: ${"x".repeat(bytes - 10)}\r\n`;
}

/** The INVITE whose forwarded copy over UDP has exactly this size. */
function inviteOf(bytes: number): string {
  const probe = net();
  probe.udp(FRONT_END).says(lookupInvite({ headers: padding(100) }));
  const size = probe.udp(POOL).hears().text.length;
  return lookupInvite({ headers: padding(100 + bytes - size) });
}

t.test("a request of 1300 bytes still goes over UDP (§18.1.1)", async (t) => {
  const gateway = net();
  gateway.udp(FRONT_END).says(inviteOf(1300));
  t.equal(gateway.udp(POOL).hears().text.length, 1300);
  t.same(
    gateway.dialled.map(({ flow }) => flow.transport).filter((name) => name === "tcp"),
    [],
  );
});

t.test("a larger one goes over TCP to the same place, and Via and Record-Route name TCP (§18.1.1)", async (t) => {
  const gateway = net();
  gateway.udp(FRONT_END).says(inviteOf(1301));
  const invite = gateway.tcp(POOL, 5060).hears();
  t.match(invite.list("Via")[0], /^SIP\/2\.0\/TCP gw\.contoso\.com:5060;branch=z9hG4bK/);
  t.same(invite.list("Record-Route"), [
    "<sip:gw.contoso.com:5060;transport=tcp;lr>",
    "<sip:gw.contoso.com:5060;transport=udp;lr>",
  ]);
  t.same(gateway.udp(POOL).inbox, [], "and not over UDP as well");
});

t.test("who refuses TCP gets it over UDP at once, and the dialog stays there (§18.1.1)", async (t) => {
  const gateway = net();
  gateway.udp(FRONT_END).says(inviteOf(2000));
  gateway.tcp(POOL, 5060).refuses();
  const invite = gateway.udp(POOL).hears();
  t.match(invite.list("Via")[0], /^SIP\/2\.0\/UDP/);
  const routes = invite.list("Record-Route");
  t.same(routes, ["<sip:gw.contoso.com:5060;transport=udp;lr;udp-only>"]);
  gateway.udp(POOL).answers(invite, "200 OK");
  t.equal(gateway.udp(FRONT_END).inbox.at(-1)!.status, 200);
  gateway.clear();
  // The front end sends the route set in reverse.
  const route = [...routes].reverse().join(", ");
  gateway.udp(FRONT_END).says(inDialog("INFO", { route, headers: padding(2000) }));
  t.equal(gateway.udp(POOL).hears().method, "INFO");
});

t.test(
  "TCP that is silent is passed over for the next server, and not repeated to the same one over UDP",
  async (t) => {
    const gateway = net({ names: TWO });
    gateway.udp(FRONT_END).says(inviteOf(2000));
    gateway.tcp(POOL, 5060).hears();
    gateway.advance(4000);
    t.same(gateway.udp(POOL).inbox, []);
    gateway.tcp(POOL_2, 5060).answers(gateway.tcp(POOL_2, 5060).hears(), "200 OK");
    t.equal(gateway.udp(FRONT_END).inbox.at(-1)!.status, 200);
  },
);

t.test("TCP and then UDP refused: the next server is tried, again over TCP first", async (t) => {
  const gateway = net({ names: TWO });
  gateway.udp(FRONT_END).says(inviteOf(2000));
  gateway.tcp(POOL, 5060).refuses();
  gateway.udp(POOL).hears();
  gateway.udp(POOL).refuses();
  t.equal(gateway.tcp(POOL_2, 5060).hears().method, "INVITE");
});

t.test("where TCP is known to be in trouble, UDP is used without trying", async (t) => {
  const gateway = net();
  gateway.inOrder = (targets) => [...targets].reverse();
  gateway.udp(FRONT_END).says(inviteOf(2000));
  t.equal(gateway.udp(POOL).hears().method, "INVITE");
});

t.test("a pool for which UDP is asked for by name stays on UDP, in its dialogs too", async (t) => {
  const gateway = net({ decide: proxyTo("sip:pcpool.contoso.com;transport=udp") });
  gateway.udp(FRONT_END).says(inviteOf(2000));
  const routes = gateway.udp(POOL).hears().list("Record-Route");
  gateway.udp(FRONT_END).says(inDialog("INFO", { route: [...routes].reverse().join(", "), headers: padding(2000) }));
  t.same(
    gateway.udp(POOL).inbox.map(({ method }) => method),
    ["INFO"],
  );
});

t.test("without a TCP listener of that family UDP is all there is", async (t) => {
  const listeners = [listener("udp"), listener("tcp", GATEWAY_V6)];
  const gateway = net({ listeners });
  gateway.udp(FRONT_END).says(inviteOf(2000));
  t.equal(gateway.udp(POOL).hears().method, "INVITE");
});

t.test("in a dialog the rule counts in both directions, whatever the URI says", async (t) => {
  const gateway = net();
  gateway.udp(FRONT_END).says(inDialog("INFO", { headers: padding(2000) }));
  t.equal(gateway.tcp("10.2.0.1", 5060).hears().method, "INFO");
});

t.test("CANCEL and the ACK of a failure go over the connection that the INVITE went over", async (t) => {
  const gateway = net();
  const frontEnd = gateway.udp(FRONT_END);
  const pool = gateway.tcp(POOL, 5060);
  const text = inviteOf(2000);
  frontEnd.says(text);
  const invite = pool.hears();
  pool.answers(invite, "180 Ringing");
  frontEnd.says(request("CANCEL", { branch: "z9hG4bKfe-INVITE-1" }));
  const cancel = pool.hears();
  t.equal(cancel.method, "CANCEL");
  t.equal(cancel.list("Via")[0], invite.list("Via")[0]);
  pool.answers(invite, "487 Request Terminated");
  t.equal(pool.hears().method, "ACK");
});

t.test("the limit is a setting", async (t) => {
  const gateway = net({ maxUdpRequestBytes: 3000 });
  gateway.udp(FRONT_END).says(inviteOf(3000));
  t.equal(gateway.udp(POOL).hears().method, "INVITE");
});
