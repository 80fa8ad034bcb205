import { once } from "node:events";
import { connect } from "node:net";
import t from "tap";
import { fullBacklog } from "../support/full-backlog.ts";
import { Client, listening, message, OPTIONS, peerServer } from "./wire.ts";

t.test("a framing error closes that connection only, with its reason, and is counted by kind", async (t) => {
  const { transports, handler } = await listening(t, [{ transport: "tcp" }]);
  const port = transports.listeners[0]!.port;
  const good = await Client.to(t, port);
  const cases: [string, string, string][] = [
    ["OPTIONS sip:gw SIP/2.0\r\n\r\n", "content-length-missing", "framing error: Content-Length missing"],
    ["GET /?token=secret HTTP/1.1\r\nCookie: secret\r\n\r\n", "http", "framing error: the peer speaks HTTP, not SIP"],
    ["\x16\x03\x01\x02\x00", "tls", "framing error: the peer speaks TLS on a port without TLS"],
  ];
  for (const [index, [bytes, kind, reason]] of cases.entries()) {
    const bad = await Client.to(t, port);
    bad.socket.write(bytes, "latin1");
    t.equal((await handler.end(index)).reason, reason);
    await bad.closed();
    t.equal(transports.stats()[0]!.framingErrors[kind as "http"], 1);
    t.match(handler.anomalies[index], { kind: "framing", detail: /^tcp 127\.0\.0\.1:\d+: / });
  }
  t.notMatch(JSON.stringify(handler.anomalies), "secret", "nothing of what such a peer sends comes into the log");
  good.socket.write(OPTIONS);
  t.equal((await handler.message()).text, OPTIONS);
});

t.test("what stands before the broken message is still delivered and answered", async (t) => {
  const { transports, handler } = await listening(t, [{ transport: "tcp" }]);
  const answer = message("SIP/2.0 200 OK");
  handler.onMessage = (_bytes, flow) => transports.send(flow, Buffer.from(answer));
  const client = await Client.to(t, transports.listeners[0]!.port);
  client.socket.write(`${OPTIONS}\0`);
  await handler.end();
  await client.closed();
  t.equal(client.text, answer);
});

t.test("a message over the limit closes the connection", async (t) => {
  const { transports, handler } = await listening(t, [{ transport: "tcp" }], { maxMessageBytes: 1000 });
  const client = await Client.to(t, transports.listeners[0]!.port);
  client.socket.write(message("OPTIONS sip:gw SIP/2.0", "x".repeat(1000)));
  t.equal((await handler.end()).reason, "framing error: the message is too long");
});

t.test("connections over the limit are turned away and counted; those within go on", async (t) => {
  const { transports, handler } = await listening(t, [{ transport: "tcp" }], { maxConnections: 2 });
  const port = transports.listeners[0]!.port;
  const first = await Client.to(t, port);
  const second = await Client.to(t, port);
  second.socket.write(OPTIONS);
  await handler.message(0);
  for (let i = 0; i < 3; i++) {
    const third = connect({ port, host: "127.0.0.1" }).on("error", () => undefined);
    await once(third, "close");
  }
  await handler.until(() => handler.anomalies.length > 0);
  t.equal(handler.anomalies.length, 1, "told once, not per connection");
  t.match(transports.stats()[0], { connections: 2, accepted: 2, refused: 3 });
  first.socket.write(OPTIONS);
  await handler.message(1);
  first.socket.end();
  await handler.end();
  await first.closed();
  const again = await Client.to(t, port);
  again.socket.write(OPTIONS);
  t.equal((await handler.message(2)).text, OPTIONS, "a place that was freed can be taken");
});

t.test("accepted connections at their limit do not keep us from dialling", async (t) => {
  const { transports, handler } = await listening(t, [{ transport: "tcp" }], { maxConnections: 1 });
  const client = await Client.to(t, transports.listeners[0]!.port);
  client.socket.write(OPTIONS);
  await handler.message();
  const peer = await peerServer(t);
  const target = { transport: "tcp", address: "127.0.0.1", port: peer.port, host: "pool" } as const;
  transports.send(transports.connect(target, transports.listeners[0]!), Buffer.from(OPTIONS));
  t.equal(await (await peer.accepted()).until((text) => text.length === OPTIONS.length), OPTIONS);

  const other = await peerServer(t);
  transports.connect({ ...target, port: other.port }, transports.listeners[0]!);
  t.equal((await handler.end()).reason, `no connection to 127.0.0.1:${other.port}: 1 are open`);
});

t.test("an idle connection is closed; one that is used stays", async (t) => {
  const { transports, handler } = await listening(t, [{ transport: "tcp" }], { idleSeconds: 0.3 });
  const port = transports.listeners[0]!.port;
  const busy = await Client.to(t, port);
  const idle = await Client.to(t, port);
  idle.socket.write(OPTIONS);
  await handler.message();
  const use = setInterval(() => busy.socket.write("\r\n\r\n"), 20);
  t.teardown(() => clearInterval(use));
  const end = await handler.end();
  t.equal(end.reason, "idle for 0.3 s");
  t.equal(end.flow.remotePort, idle.socket.localPort);
  await idle.closed();
  t.equal(transports.stats()[0]!.idleClosed, 1);
  busy.socket.write(OPTIONS);
  await handler.message(1);
});

t.test("a peer that does not read is closed at the limit and holds up nobody else", async (t) => {
  const { transports, handler } = await listening(t, [{ transport: "tcp" }], { maxQueuedBytes: 200_000 });
  const port = transports.listeners[0]!.port;
  const deaf = await Client.to(t, port);
  deaf.socket.write(OPTIONS);
  const { flow } = await handler.message(0);
  deaf.socket.pause();
  const big = Buffer.from(message("INFO sip:a SIP/2.0", "x".repeat(50_000)));
  while (flow.open) {
    transports.send(flow, big);
    await new Promise((resolve) => setImmediate(resolve));
  }
  t.match((await handler.end()).reason, /^200000 bytes waited for 127\.0\.0\.1:\d+ since it does not read$/);
  t.equal(transports.stats()[0]!.queueOverflows, 1);

  const other = await Client.to(t, port);
  other.socket.write(OPTIONS);
  const second = await handler.message(1);
  transports.send(second.flow, big);
  t.equal((await other.until((text) => text.length >= big.length)).length, big.length);
});

t.test("a connection that does not come about in time is reported with the time", async (t) => {
  // A listening socket with a full backlog lets further connections wait, as a dead host would.
  const peer = await fullBacklog(t);
  const { transports, handler } = await listening(t, [{ transport: "tcp" }], {
    connectTimeoutMs: 200,
    maxQueuedBytes: 1000,
  });
  const target = { transport: "tcp", address: "127.0.0.1", port: peer, host: "pool" } as const;
  const flow = transports.connect(target, transports.listeners[0]!);
  transports.send(flow, Buffer.from(OPTIONS));
  t.equal((await handler.end()).reason, `no connection to 127.0.0.1:${peer} within 200 ms`);
  t.notOk(flow.open);

  const crowded = transports.connect(target, transports.listeners[0]!);
  for (let sent = 0; sent <= 1000; sent += OPTIONS.length) transports.send(crowded, Buffer.from(OPTIONS));
  t.match((await handler.end(1)).reason, /^1000 bytes waited for .* before the connection came about$/);
});
