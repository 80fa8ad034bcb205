import { once } from "node:events";
import t from "tap";
import { UdpListener } from "../../src/transport/udp.ts";
import { listening, OPTIONS, Recorder, udpPeer } from "./wire.ts";

for (const host of ["127.0.0.1", "::1"]) {
  t.test(`a datagram comes up with the flow it came on, and the answer goes back on it (${host})`, async (t) => {
    const { transports, handler } = await listening(t, [{ transport: "udp", host }]);
    const peer = await udpPeer(t, host);
    peer.socket.send(OPTIONS, transports.listeners[0]!.port, host);
    const { text, flow } = await handler.message();
    t.equal(text, OPTIONS);
    t.match(flow, { transport: "udp", remoteAddress: host, remotePort: peer.port, open: true });
    t.equal(flow.listener, transports.listeners[0]);

    const answer = once(peer.socket, "message");
    transports.send(flow, Buffer.from("SIP/2.0 200 OK\r\n\r\n"));
    const [bytes, from] = await answer;
    t.equal(bytes.toString(), "SIP/2.0 200 OK\r\n\r\n");
    t.equal(from.port, transports.listeners[0]!.port, "it comes from the listener's own port");
  });

  t.test(`a request to a target leaves from the listener's socket (${host})`, async (t) => {
    const { transports } = await listening(t, [{ transport: "udp", host }]);
    const peer = await udpPeer(t, host);
    const arrival = once(peer.socket, "message");
    const listener = transports.listeners[0]!;
    const flow = transports.connect({ transport: "udp", address: host, port: peer.port, host: "pool" }, listener);
    transports.send(flow, Buffer.from(OPTIONS));
    const [bytes, from] = await arrival;
    t.equal(bytes.toString(), OPTIONS);
    t.equal(from.port, listener.port);
  });
}

t.test("CRLF keepalives in datagrams are swallowed and counted (RFC 5626 §3.5)", async (t) => {
  const { transports, handler } = await listening(t, [{ transport: "udp" }]);
  const peer = await udpPeer(t);
  const port = transports.listeners[0]!.port;
  for (const bytes of ["\r\n\r\n", "\r\n", "", OPTIONS]) peer.socket.send(bytes, port, "127.0.0.1");
  const { text } = await handler.message();
  t.equal(text, OPTIONS);
  t.equal(handler.messages.length, 1);
  t.match(transports.stats()[0], { keepalives: 3, messagesIn: 1 });
});

t.test("a datagram too big for UDP is reported on its flow, and the socket goes on", async (t) => {
  const { transports, handler } = await listening(t, [{ transport: "udp" }]);
  const peer = await udpPeer(t);
  const listener = transports.listeners[0]!;
  const flow = transports.connect({ transport: "udp", address: "127.0.0.1", port: peer.port, host: "pool" }, listener);
  transports.send(flow, Buffer.alloc(70_000));
  t.equal(handler.ends.length, 0, "nothing is reported from within send");
  const end = await handler.end();
  t.equal(end.flow, flow);
  t.match(end.reason, /too big for UDP/);
  t.match(transports.stats()[0], { sendFailures: 1 });

  const arrival = once(peer.socket, "message");
  transports.send(flow, Buffer.from(OPTIONS));
  t.equal((await arrival)[0].toString(), OPTIONS);
});

t.test("a target of the other address family is reported, not thrown", async (t) => {
  const { transports, handler } = await listening(t, [{ transport: "udp" }]);
  const target = { transport: "udp", address: "::1", port: 5060, host: "pool" } as const;
  const flow = transports.connect(target, transports.listeners[0]!);
  const end = await handler.end();
  t.equal(end.flow, flow);
  t.notOk(flow.open);
  t.match(end.reason, /cannot send to udp \[::1\]:5060: a listener for udp over IPv4 does not reach it/);
});

t.test("after close nothing is sent and nothing throws", async (t) => {
  const { transports, handler } = await listening(t, [{ transport: "udp" }]);
  const peer = await udpPeer(t);
  peer.socket.send(OPTIONS, transports.listeners[0]!.port, "127.0.0.1");
  const { flow } = await handler.message();
  await transports.close();
  t.notOk(flow.open);
  transports.send(flow, Buffer.from(OPTIONS));
  t.match(transports.stats()[0], { sendFailures: 1 });
});

t.test("when the kernel takes no more, datagrams are dropped and it is told once", async (t) => {
  const { transports } = await listening(t, [{ transport: "udp" }]);
  const handler = new Recorder();
  // A full send queue cannot be had on loopback.
  const full = { port: 5060, send: () => false, close: async () => undefined };
  const part = new UdpListener(transports.listeners[0]!, full, handler);
  const flow = part.connect({ transport: "udp", address: "127.0.0.1", port: 5090, host: "pool" }, "");
  flow.send(Buffer.from(OPTIONS));
  flow.send(Buffer.from(OPTIONS));
  t.same(handler.anomalies, [], "not from within send");
  await handler.until(() => handler.anomalies.length > 0);
  t.match(handler.anomalies, [{ kind: "udp-send-queue-full" }]);
  t.equal(part.stats.sendFailures, 2);
});
