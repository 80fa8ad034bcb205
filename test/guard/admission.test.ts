import t from "tap";
import { Guard, type GuardSettings } from "../../src/guard/admission.ts";
import type { Verdict } from "../../src/transport/admission.ts";
import { listener, Message } from "../support/core-harness.ts";
import { FRONT_END, inDialog, lookupInvite, request } from "../wire/texts.ts";

const INVITE = Buffer.from(lookupInvite(), "latin1");
const FLOW = { listener: listener("tcp"), transport: "tcp", remotePort: 40_000, open: true } as const;

/** A guard on a virtual clock that trusts 10.9.0.0/16. */
function guarding(settings: Partial<GuardSettings> = {}, elsewhere?: (callId: string) => boolean) {
  const told: string[] = [];
  const serving = new Set<string>();
  const clock = { now: 1000 };
  const guard = new Guard({
    settings: {
      messagesPerSecond: 100,
      connectionsPerSource: 3,
      banAfter: 5,
      banSeconds: 60,
      overloadDelayMs: 400,
      ...settings,
    },
    trusts: (address) => address.startsWith("10.9."),
    proves: ({ peerNames }) => peerNames?.includes("fe01.contoso.com") === true,
    isServing: (key) => serving.has(key),
    ...(elsewhere && { isElsewhere: elsewhere }),
    clock: () => clock.now,
    seed: 4711,
    name: () => "gw.contoso.com",
    tell: (kind, detail) => told.push(`${kind}: ${detail}`),
  });
  const send = (count: number, address: string, bytes = INVITE): number => {
    let passed = 0;
    for (let i = 0; i < count; i++) if (guard.datagram(bytes, address, 5060) === "pass") passed++;
    return passed;
  };
  return { guard, clock, told, send, serving };
}

/** Overload of the wished strength. */
function overload(guard: Guard, fill: number): void {
  for (let i = 0; i < 60; i++) guard.look({ delayMs: 0, busy: 0, fill });
}

function answer(verdict: Verdict): Message {
  if (typeof verdict === "string") throw new Error(`no answer but ${verdict}`);
  return new Message(verdict.bytes);
}

t.test(
  "datagrams of a source over its rate are dropped; another source does not notice; it is told once",
  async (t) => {
    const { guard, clock, told, send } = guarding();
    t.equal(send(1000, "192.0.2.1"), 200);
    t.equal(send(100, "192.0.2.2"), 100);
    clock.now += 1000;
    t.equal(send(1000, "192.0.2.1"), 100);
    t.equal(guard.counts.limited, 1700);
    t.same(told, ["source-limited: 192.0.2.1 sends more than 100 messages per second"]);
  },
);

t.test("trusted peers and pools have no rate", async (t) => {
  const { guard, send } = guarding();
  t.equal(send(1000, "10.9.1.1"), 1000);
  guard.knowPool("192.0.2.3");
  t.equal(send(1000, "192.0.2.3"), 1000);
});

t.test("with messagesPerSecond 0 there is no rate", async (t) => {
  const { guard, send } = guarding({ messagesPerSecond: 0 });
  t.equal(send(10_000, "192.0.2.1"), 10_000);
  t.equal(guard.pauseMs("192.0.2.1"), 0);
  t.equal(guard.counts.sources, 0);
});

t.test("on connections nothing is dropped: a source over its rate waits", async (t) => {
  const { guard, clock } = guarding();
  const flow = { ...FLOW, remoteAddress: "192.0.2.1" };
  for (let i = 0; i < 250; i++) t.equal(guard.message(INVITE, flow), "pass");
  t.equal(guard.pauseMs("192.0.2.1"), 500);
  clock.now += 500;
  t.equal(guard.pauseMs("192.0.2.1"), 0);
  for (let i = 0; i < 250; i++) guard.message(INVITE, { ...FLOW, remoteAddress: "10.9.1.1" });
  t.equal(guard.pauseMs("10.9.1.1"), 0, "trusted");
});

t.test("offences ban a source for a while; trusted ones and pools never", async (t) => {
  const { guard, clock, told, send } = guarding();
  guard.knowPool("192.0.2.3");
  for (const address of ["192.0.2.1", "10.9.1.1", "192.0.2.3"]) {
    for (let i = 0; i < 5; i++) guard.offence(address, "not-sip");
  }
  t.same(told, ["banned: 192.0.2.1 speaks no SIP; it is banned for 60 s"]);
  t.match(guard.bans(), [{ source: "192.0.2.1", why: "speaks no SIP", until: 61_000 }]);
  t.equal(guard.connection("192.0.2.1"), "is banned");
  t.equal(send(1, "192.0.2.1"), 0);
  t.equal(guard.connection("10.9.1.1"), undefined);
  t.match(guard.counts, { bansBegun: 1, bannedConnections: 1, bannedMessages: 1, bans: 1 });
  clock.now += 60_000;
  t.equal(guard.connection("192.0.2.1"), undefined, "over");
});

t.test("offences that lie far apart ban nobody, and a lifted ban is over", async (t) => {
  const { guard, clock } = guarding();
  for (let i = 0; i < 20; i++) {
    guard.offence("192.0.2.1", "slow");
    clock.now += 20_000;
  }
  t.same(guard.bans(), []);
  for (let i = 0; i < 5; i++) guard.offence("2001:db8::1", "slow");
  t.equal(guard.connection("2001:db8::2"), "is banned", "with all of its /64");
  t.equal(guard.lift("2001:db8::3"), 1);
  t.equal(guard.connection("2001:db8::2"), undefined);
});

t.test("a source has so many connections and no more; trusted ones any number", async (t) => {
  const { guard } = guarding();
  for (let i = 0; i < 3; i++) t.equal(guard.connection("192.0.2.1"), undefined);
  t.equal(guard.connection("192.0.2.1"), "has 3 connections already");
  t.equal(guard.connection("192.0.2.2"), undefined);
  guard.connectionClosed("192.0.2.1");
  t.equal(guard.connection("192.0.2.1"), undefined);
  for (let i = 0; i < 10; i++) t.equal(guard.connection("10.9.1.1"), undefined);
});

t.test(
  "under overload new requests get 503 unread, with a Retry-After and the reason (RFC 3261 §21.5.4)",
  async (t) => {
    const { guard, told } = guarding({ messagesPerSecond: 0 });
    overload(guard, 0.9);
    const refused = answer(guard.datagram(INVITE, FRONT_END, 5060));
    t.equal(refused.startLine, "SIP/2.0 503 Service Unavailable");
    t.match(refused.one("Retry-After"), /^([5-9]|[12]\d|30)$/);
    t.equal(refused.one("Warning"), '399 gw.contoso.com "the gateway is overloaded"');
    t.match(refused.one("ms-diagnostics"), /^24503;reason="the gateway is overloaded"/);
    t.match(refused.toTag, /^overload-/);
    t.equal(answer(guard.datagram(INVITE, FRONT_END, 5060)).text, refused.text, "and again the same for a repetition");
    t.match(answer(guard.message(INVITE, { ...FLOW, remoteAddress: FRONT_END })).status, 503);
    t.match(told, [/^overloaded: new requests are refused in part: .*tables 90 % full$/]);
  },
);

t.test("under overload a few new requests are let in, and all when it is over", async (t) => {
  const { guard, told } = guarding({ messagesPerSecond: 0 });
  const calls = Array.from({ length: 1000 }, (_, i) => Buffer.from(lookupInvite({ callId: `call-${i}` }), "latin1"));
  const passed = (): number => calls.filter((bytes) => guard.datagram(bytes, FRONT_END, 5060) === "pass").length;
  overload(guard, 0.9);
  t.ok(passed() > 5 && passed() < 50, `${passed()} of 1000`);
  overload(guard, 0);
  t.equal(passed(), 1000);
  t.match(told[1], /^overload-over: all requests are let in again/);
});

t.test("requests inside dialogs come last: served under overload, 481 when nothing is left, never a 5xx", async (t) => {
  const { guard } = guarding({ messagesPerSecond: 0 });
  const info = Buffer.from(inDialog("INFO"), "latin1");
  overload(guard, 0.9);
  t.equal(guard.datagram(info, FRONT_END, 5060), "pass");
  overload(guard, 1);
  const refused = answer(guard.datagram(info, FRONT_END, 5060));
  t.equal(refused.startLine, "SIP/2.0 481 Call/Transaction Does Not Exist");
  t.equal(refused.toTag, "1347777be4");
  t.same(refused.all("Retry-After"), []);
});

t.test("a repetition of a request that is being served passes under any overload (§17.2.3)", async (t) => {
  const { guard, serving, send } = guarding({ messagesPerSecond: 0 });
  overload(guard, 1);
  for (const method of ["INFO", "SUBSCRIBE"]) {
    const text = method === "INFO" ? inDialog(method) : request(method);
    const bytes = Buffer.from(text, "latin1");
    // One in fifty new requests is let in all the same; this one is not.
    const refused = send(1, FRONT_END, bytes) === 0;
    t.ok(refused, method);
    const via = new Message(text).list("Via")[0]!;
    serving.add(`${/branch=([^;]+)/.exec(via)![1]} ${FRONT_END}:5060 ${method}`);
    t.equal(send(1, FRONT_END, bytes), 1, `${method} again: ${via}`);
  }
});

t.test("who has proved a trusted name on a connection has no limits from that address", async (t) => {
  const { guard } = guarding();
  const peer = { ...FLOW, transport: "tls", remoteAddress: "192.0.2.5", peerNames: ["fe01.contoso.com"] } as const;
  for (let i = 0; i < 1000; i++) guard.message(INVITE, peer);
  t.equal(guard.pauseMs("192.0.2.5"), 0);
  for (let i = 0; i < 10; i++) guard.offence("192.0.2.5", "slow");
  for (let i = 0; i < 10; i++) t.equal(guard.connection("192.0.2.5"), undefined);
});

t.test("what another process is to answer passes under overload, and that one judges it", async (t) => {
  const callId = /^Call-ID: (.*)$/m.exec(INVITE.toString("latin1"))![1]!.trim();
  const reader = guarding({}, (id) => id === callId).guard;
  overload(reader, 0.9);
  t.equal(reader.datagram(INVITE, FRONT_END, 5060), "pass");
  const owner = guarding({ messagesPerSecond: 1 }).guard;
  t.equal(owner.passedOn(INVITE, FRONT_END, 5060), "pass");
  overload(owner, 0.9);
  t.equal(answer(owner.passedOn(INVITE, FRONT_END, 5060)).status, 503);
  t.equal(answer(owner.passedOn(INVITE, FRONT_END, 5060)).status, 503, "rates are the reader's affair");
});

t.test("responses, ACK, CANCEL and BYE are never refused: they end what there is", async (t) => {
  const { guard } = guarding({ messagesPerSecond: 0 });
  overload(guard, 1);
  for (const text of [inDialog("ACK"), inDialog("BYE"), request("CANCEL"), "SIP/2.0 200 OK\r\n\r\n"]) {
    t.equal(guard.datagram(Buffer.from(text, "latin1"), FRONT_END, 5060), "pass", text.slice(0, 10));
  }
});

t.test("what is no SIP is dropped under overload", async (t) => {
  const { guard, send } = guarding({ messagesPerSecond: 0 });
  overload(guard, 1);
  t.equal(send(100, "192.0.2.1", Buffer.from("nonsense")), 0);
});

t.test("while the event loop is behind, the rate of a source is tightened before anybody is refused", async (t) => {
  const { guard } = guarding({ messagesPerSecond: 2000, overloadDelayMs: 100 });
  const late = { delayMs: 1000, busy: 1, fill: 0 };
  const idle = { delayMs: 0, busy: 0, fill: 0 };
  const passed = (source: string) => {
    let count = 0;
    for (let i = 0; i < 5000; i++) if (guard.datagram(Buffer.from("x"), source, 5060) === "pass") count++;
    return count;
  };
  t.equal(passed("192.0.2.1"), 4000);
  for (let i = 0; i < 6; i++) guard.look(late);
  t.equal(guard.overload.active, false, "nobody is refused yet");
  t.equal(passed("192.0.2.2"), 200, "the least rate, after 1.2 s");
  guard.look(late);
  t.equal(guard.overload.active, true);
  for (let i = 0; i < 100; i++) guard.look(idle);
  t.equal(passed("192.0.2.3"), 4000, "loosened again");
});

t.test("under load the rate of those who send most is tightened first, and nobody else's", async (t) => {
  const { guard, clock, send } = guarding({ messagesPerSecond: 2000, overloadDelayMs: 100 });
  guard.knowPool("192.0.2.9");
  const second = (): Record<string, number> => {
    const passed: Record<string, number> = { heavy: 0, moderate: 0, pool: 0 };
    for (let look = 0; look < 5; look++) {
      passed["heavy"]! += send(2000, "192.0.2.1");
      passed["moderate"]! += send(60, "192.0.2.2");
      passed["pool"]! += send(2000, "192.0.2.9");
      clock.now += 200;
      guard.look({ delayMs: 1000, busy: 1, fill: 0 });
    }
    return passed;
  };
  second();
  const { heavy, ...others } = second();
  t.ok(heavy! < 120, `${heavy} of 10000`);
  t.same(others, { moderate: 300, pool: 10_000 });
  for (let i = 0; i < 100; i++) guard.look({ delayMs: 0, busy: 0, fill: 0 });
  clock.now += 5000;
  t.equal(send(5000, "192.0.2.1"), 4000, "loosened again");
});

t.test("the address of a pool has limits again an hour after the last call was led there", async (t) => {
  const { guard, clock, send } = guarding();
  guard.knowPool("192.0.2.3");
  clock.now += 50 * 60_000;
  guard.knowPool("192.0.2.3");
  clock.now += 59 * 60_000;
  t.equal(send(1000, "192.0.2.3"), 1000, "calls were led there within the hour");
  clock.now += 60_000;
  t.equal(send(1000, "192.0.2.3"), 200);
});

t.test("HTTP of an address from which SIP comes bans nobody; without SIP, or with garbage, it does", async (t) => {
  const { guard, clock } = guarding();
  guard.message(INVITE, { ...FLOW, remoteAddress: "192.0.2.1" });
  for (const address of ["192.0.2.1", "192.0.2.2"]) {
    for (let i = 0; i < 50; i++) guard.offence(address, "other-protocol");
  }
  t.match(guard.bans(), [{ source: "192.0.2.2", why: "speaks HTTP or TLS where SIP is spoken" }]);
  for (let i = 0; i < 5; i++) guard.offence("192.0.2.1", "not-sip");
  t.equal(guard.connection("192.0.2.1"), "is banned");
  clock.now += 301_000;
  for (let i = 0; i < 5; i++) guard.offence("192.0.2.1", "other-protocol");
  t.equal(guard.connection("192.0.2.1"), "is banned", "the SIP is long ago");
});

t.test("a ban is lifted by any spelling of the address, and by the network that the list of bans shows", async (t) => {
  const { guard } = guarding();
  for (const spelling of ["2001:DB8:0::1", "2001:db8::1", "[2001:0db8::ffff]", "2001:db8:0:0::/64"]) {
    for (let i = 0; i < 5; i++) guard.offence("2001:db8::1", "slow");
    t.equal(guard.lift(spelling), 1, spelling);
  }
  for (let i = 0; i < 5; i++) guard.offence("192.0.2.1", "slow");
  t.equal(guard.lift("::ffff:192.0.2.1"), 1);
  t.equal(guard.lift("nobody"), 0);
});
