import { once } from "node:events";
import t from "tap";
import { Client, listening, message, OPTIONS, peerServer } from "./wire.ts";

const OK = Buffer.from(message("SIP/2.0 200 OK"));

for (const host of ["127.0.0.1", "::1"]) {
  t.test(`a request comes up, its answer goes back on the same connection (${host})`, async (t) => {
    const { transports, handler } = await listening(t, [{ transport: "tcp", host }]);
    const client = await Client.to(t, transports.listeners[0]!.port, host);
    client.socket.write(OPTIONS);
    const { text, flow } = await handler.message();
    t.equal(text, OPTIONS);
    t.match(flow, { transport: "tcp", remoteAddress: host, remotePort: client.socket.localPort, open: true });
    t.equal(flow.listener, transports.listeners[0]);
    transports.send(flow, OK);
    t.equal(await client.until((text) => text.length >= OK.length), OK.toString());
  });

  t.test(`what is sent while the connection is being set up arrives, in order (${host})`, async (t) => {
    const { transports } = await listening(t, [{ transport: "tcp", host }]);
    const peer = await peerServer(t, host);
    const target = { transport: "tcp", address: host, port: peer.port, host: "pool" } as const;
    const flow = transports.connect(target, transports.listeners[0]!);
    t.ok(flow.open, "a connection being set up counts as open");
    transports.send(flow, Buffer.from("one "));
    transports.send(flow, Buffer.from("two "));
    transports.send(flow, Buffer.from("three"));
    const client = await peer.accepted();
    t.equal(await client.until((text) => text.length >= 13), "one two three");
    t.equal(client.chunks.length, 1, "in one segment");
  });
}

t.test("ACK and INFO in one segment come up as two messages, in order", async (t) => {
  const { transports, handler } = await listening(t, [{ transport: "tcp" }]);
  const client = await Client.to(t, transports.listeners[0]!.port);
  const ack = message("ACK sip:pool SIP/2.0");
  const info = message("INFO sip:pool SIP/2.0", "<xccos/>");
  client.socket.write(ack + info);
  await handler.message(1);
  t.same(
    handler.messages.map((received) => received.text),
    [ack, info],
  );
  t.equal(handler.messages[0]!.flow, handler.messages[1]!.flow);
  t.same(handler.bursts, [2], "and as one burst");
});

t.test("what comes on several connections within one turn of the event loop is one burst", async (t) => {
  const { transports, handler } = await listening(t, [{ transport: "tcp" }]);
  const { port } = transports.listeners[0]!;
  const clients = [await Client.to(t, port), await Client.to(t, port), await Client.to(t, port)];
  for (const client of clients) client.socket.write(OPTIONS);
  await handler.message(2);
  t.same(handler.bursts, [3]);
});

t.test("a burst ends also where its connection does, in the middle of a segment", async (t) => {
  const { transports, handler } = await listening(t, [{ transport: "tcp" }]);
  handler.onMessage = () => transports.hangUp();
  const client = await Client.to(t, transports.listeners[0]!.port);
  client.socket.write(OPTIONS + OPTIONS);
  await handler.end();
  t.same([handler.bursts, handler.inBurst], [[1], false]);
});

t.test("what is written in one turn of the event loop leaves in one segment", async (t) => {
  const { transports, handler } = await listening(t, [{ transport: "tcp" }]);
  const client = await Client.to(t, transports.listeners[0]!.port);
  const ack = message("ACK sip:pool SIP/2.0");
  const info = message("INFO sip:pool SIP/2.0", "<xccos/>");
  handler.onMessage = (_bytes, flow) => {
    transports.send(flow, Buffer.from(ack));
    transports.send(flow, Buffer.from(info));
  };
  client.socket.write(OPTIONS);
  await client.until((text) => text.length >= ack.length + info.length);
  t.same(client.chunks, [ack + info]);
});

t.test(
  "what was sent in the turn that ends a connection goes out first, text and bytes, each byte as it is",
  async (t) => {
    const { transports, handler } = await listening(t, [{ transport: "tcp" }]);
    const client = await Client.to(t, transports.listeners[0]!.port);
    const every = String.fromCharCode(...Array(256).keys());
    const [text, bytes] = [message("INFO sip:a SIP/2.0"), message("INFO sip:b SIP/2.0")].map((head) => head + every);
    handler.onMessage = (_bytes, flow) => {
      transports.send(flow, text!);
      transports.send(flow, Buffer.from(bytes!, "latin1"));
      transports.hangUp();
      transports.send(flow, "too late");
    };
    client.socket.write(OPTIONS);
    await once(client.socket, "end");
    t.same(client.chunks, [text! + bytes!]);
    t.equal(transports.stats()[0]!.sendFailures, 1);
  },
);

t.test("a double CRLF is answered with one CRLF and stays below (RFC 5626 §3.5.1)", async (t) => {
  const { transports, handler } = await listening(t, [{ transport: "tcp" }]);
  const client = await Client.to(t, transports.listeners[0]!.port);
  client.socket.write("\r\n\r\n");
  t.equal(await client.until((text) => text.length >= 2), "\r\n");
  t.equal(handler.messages.length, 0);
  t.equal(transports.stats()[0]!.keepalives, 1);
});

t.test("connect reuses the open connection to a target (RFC 5923)", async (t) => {
  const { transports } = await listening(t, [{ transport: "tcp" }]);
  const peer = await peerServer(t);
  const target = { transport: "tcp", address: "127.0.0.1", port: peer.port, host: "pool" } as const;
  const listener = transports.listeners[0]!;
  const flow = transports.connect(target, listener);
  t.equal(transports.connect(target, listener), flow, "also while it is being set up");
  transports.send(flow, OK);
  await (await peer.accepted()).until((text) => text.length > 0);
  t.equal(transports.connect({ ...target, address: "::ffff:127.0.0.1" }, listener), flow, "however it is spelled");
  t.equal(transports.stats()[0]!.dialled, 1);
});

t.test("connect reuses a connection that the peer opened (RFC 5923)", async (t) => {
  const { transports, handler } = await listening(t, [{ transport: "tcp" }]);
  const client = await Client.to(t, transports.listeners[0]!.port);
  client.socket.write(OPTIONS);
  const { flow } = await handler.message();
  const target = { transport: "tcp", address: "127.0.0.1", port: client.socket.localPort!, host: "fe01" } as const;
  t.equal(transports.connect(target, transports.listeners[0]!), flow);
});

t.test("requests of the peer come up on a connection that we dialled", async (t) => {
  const { transports, handler } = await listening(t, [{ transport: "tcp" }]);
  const peer = await peerServer(t);
  const target = { transport: "tcp", address: "127.0.0.1", port: peer.port, host: "pool" } as const;
  const flow = transports.connect(target, transports.listeners[0]!);
  (await peer.accepted()).socket.write(OPTIONS);
  const received = await handler.message();
  t.equal(received.flow, flow);
  t.equal(flow.listener.port, transports.listeners[0]!.port, "the ephemeral port shows nowhere");
  t.equal(flow.remotePort, peer.port);
});

t.test("a refused connection is reported once, later, in words", async (t) => {
  const { transports, handler } = await listening(t, [{ transport: "tcp" }]);
  const peer = await peerServer(t);
  await new Promise((resolve) => peer.server.close(resolve));
  const target = { transport: "tcp", address: "127.0.0.1", port: peer.port, host: "pool" } as const;
  const flow = transports.connect(target, transports.listeners[0]!);
  transports.send(flow, OK);
  t.equal(handler.ends.length, 0);
  const end = await handler.end();
  t.equal(end.flow, flow);
  t.equal(end.reason, `connection refused by 127.0.0.1:${peer.port}`);
  t.notOk(flow.open);
  await transports.close();
  t.equal(handler.ends.length, 1);
});

t.test("a connection that the peer closes is reported once, and is not reused", async (t) => {
  const { transports, handler } = await listening(t, [{ transport: "tcp" }]);
  const peer = await peerServer(t);
  const target = { transport: "tcp", address: "127.0.0.1", port: peer.port, host: "pool" } as const;
  const listener = transports.listeners[0]!;
  const flow = transports.connect(target, listener);
  (await peer.accepted()).socket.end();
  const end = await handler.end();
  t.equal(end.reason, `closed by 127.0.0.1:${peer.port}`);
  t.not(transports.connect(target, listener), flow);
  transports.send(flow, OK);
  t.equal(transports.stats()[0]!.sendFailures, 1, "sending on it is counted and does nothing");
});

t.test("a connection that ends in the middle of a message says so", async (t) => {
  const { transports, handler } = await listening(t, [{ transport: "tcp" }]);
  const client = await Client.to(t, transports.listeners[0]!.port);
  client.socket.end("OPTIONS sip:gw SIP/2.0\r\nVia:");
  t.match((await handler.end()).reason, /closed by 127\.0\.0\.1:\d+ in the middle of a message/);
  t.equal(handler.messages.length, 0);
});

t.test("a port that does not exist is reported, not thrown", async (t) => {
  const { transports, handler } = await listening(t, [{ transport: "tcp" }]);
  const target = { transport: "tcp", address: "127.0.0.1", port: 0, host: "pool" } as const;
  transports.connect(target, transports.listeners[0]!);
  t.match((await handler.end()).reason, /cannot send to tcp 127\.0\.0\.1:0: it is no port/);
});

t.test("a host name is never resolved here", async (t) => {
  const { transports, handler } = await listening(t, [{ transport: "tcp" }]);
  const target = { transport: "tcp", address: "localhost", port: 5060, host: "localhost" } as const;
  transports.connect(target, transports.listeners[0]!);
  t.match((await handler.end()).reason, /cannot send to tcp localhost:5060: it is no IP address/);
});
