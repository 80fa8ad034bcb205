import { once } from "node:events";
import { connect } from "node:net";
import t from "tap";
import { ADMIT_ALL, type Offence } from "../../src/transport/admission.ts";
import { Client, listening, message, OPTIONS, udpPeer } from "./wire.ts";

t.test(
  "a message that trickles in is cut off with its connection, and counts as an offence; a quick one is not",
  async (t) => {
    const offences: Offence[] = [];
    const { transports, handler } = await listening(t, [{ transport: "tcp" }], {
      messageSeconds: 0.2,
      idleSeconds: 2,
      admission: { ...ADMIT_ALL, offence: (_address, kind) => offences.push(kind) },
    });
    const port = transports.listeners[0]!.port;
    const quick = await Client.to(t, port);
    const slow = await Client.to(t, port);
    const trickle = setInterval(() => slow.socket.write("x"), 20);
    t.teardown(() => clearInterval(trickle));
    quick.socket.write(OPTIONS);
    const end = await handler.end();
    t.equal(end.reason, "framing error: a message is not complete after 0.2 s");
    t.equal(end.flow.remotePort, slow.socket.localPort);
    await slow.closed();
    t.same(offences, ["slow"]);
    t.equal(transports.stats()[0]!.slowClosed, 1);
    quick.socket.write(OPTIONS);
    await handler.message(1);
  },
);

t.test("a connection that is not welcome is closed at once, with its reason for the log", async (t) => {
  const { transports, handler } = await listening(t, [{ transport: "tcp" }], {
    admission: { ...ADMIT_ALL, connection: () => "is banned" },
  });
  const socket = connect(transports.listeners[0]!.port, "127.0.0.1").on("error", () => undefined);
  await once(socket, "close");
  await handler.until(() => handler.anomalies.length > 0);
  t.match(handler.anomalies[0], { kind: "turned-away", detail: /: 127\.0\.0\.1:\d+ is banned$/ });
  t.match(transports.stats()[0], { turnedAway: 1, accepted: 0, connections: 0 });
});

t.test("a peer over its rate is read no further for a while, and nothing of what it sent is lost", async (t) => {
  let pauses = 3;
  const { transports, handler } = await listening(t, [{ transport: "tcp" }], {
    admission: { ...ADMIT_ALL, pauseMs: () => (pauses-- > 0 ? 50 : 0) },
  });
  const client = await Client.to(t, transports.listeners[0]!.port);
  const many = message("INFO sip:a SIP/2.0", "x".repeat(30_000));
  for (let i = 0; i < 50; i++) client.socket.write(many);
  await handler.message(49);
  t.ok(transports.stats()[0]!.paused >= 1);
});

t.test("a peer that sends a lot at once is asked about before much of it is taken in", async (t) => {
  const taken: number[] = [];
  const handler = { messages: [] as unknown[] };
  const listened = await listening(t, [{ transport: "tcp" }], {
    admission: { ...ADMIT_ALL, pauseMs: () => (taken.push(handler.messages.length) === 1 ? 50 : 0) },
  });
  handler.messages = listened.handler.messages;
  const client = await Client.to(t, listened.transports.listeners[0]!.port);
  const each = message("INFO sip:a SIP/2.0", "x".repeat(1000));
  client.socket.write(each.repeat(1000));
  await listened.handler.message(999);
  t.ok(taken[0]! * each.length <= 2 * 65_536, `${taken[0]} messages at first`);
});

t.test("a refusal of an unread message goes back the way it came, and the handler hears nothing", async (t) => {
  const refusal = Buffer.from("SIP/2.0 503 Service Unavailable\r\n\r\n");
  const peer = await udpPeer(t);
  const { transports, handler } = await listening(t, [{ transport: "udp" }, { transport: "tcp" }], {
    admission: {
      ...ADMIT_ALL,
      datagram: (bytes, _address, port) => (bytes.length > 100 ? "drop" : { bytes: refusal, port }),
      message: () => ({ bytes: refusal, port: 0 }),
    },
  });
  const [udp, tcp] = transports.listeners;
  peer.socket.send(Buffer.alloc(200, "x"), udp!.port, "127.0.0.1");
  peer.socket.send(OPTIONS.slice(0, 50), udp!.port, "127.0.0.1");
  const [answer] = (await once(peer.socket, "message")) as [Buffer];
  t.same(answer, refusal);
  const client = await Client.to(t, tcp!.port);
  client.socket.write(OPTIONS);
  await client.until((text) => text === refusal.toString());
  t.same(handler.messages, []);
  t.match(transports.stats(), [{ dropped: 1, answeredUnread: 1 }, { answeredUnread: 1 }]);
});
