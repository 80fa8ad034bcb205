import { once } from "node:events";
import { request } from "node:http";
import t from "tap";
import { type ClientOptions, WebSocket } from "ws";
import type { ListenSpec, TransportOptions } from "../../src/transport/part.ts";
import { Folder } from "../support/certificates.ts";
import { ca, gateway } from "./tls-peers.ts";
import { Client, type Closing, listening, message, OPTIONS } from "./wire.ts";

const ORIGIN = "https://chat.contoso.com";

async function wsListener(t: Closing, options: TransportOptions = {}, spec: Partial<ListenSpec> = {}) {
  const { transports, handler } = await listening(t, [{ transport: "ws", origins: [ORIGIN], ...spec }], options);
  const [stats] = transports.stats();
  return { transports, handler, port: transports.listeners[0]!.port, stats: stats! };
}

/** A WebSocket client; what it hears is in `heard`. */
class WsClient {
  readonly heard: { text: string; binary: boolean }[] = [];
  readonly socket: WebSocket;

  constructor(t: Closing, url: string, options: ClientOptions = {}, protocols: string[] = ["sip"]) {
    this.socket = new WebSocket(url, protocols, options);
    this.socket.on("error", () => undefined);
    this.socket.on("message", (data, binary) => this.heard.push({ text: String(data), binary }));
    t.teardown(() => this.socket.terminate());
  }

  static async to(t: Closing, port: number, options: ClientOptions = {}): Promise<WsClient> {
    const client = new WsClient(t, `ws://127.0.0.1:${port}`, options);
    await once(client.socket, "open");
    return client;
  }

  async message(index = 0): Promise<{ text: string; binary: boolean }> {
    while (this.heard.length <= index) await once(this.socket, "message");
    return this.heard[index]!;
  }

  closed(): Promise<number> {
    return new Promise((resolve) => this.socket.once("close", resolve));
  }
}

/** The status of a handshake that is refused. */
async function refusedWith(t: Closing, port: number, options: ClientOptions, protocols?: string[]): Promise<number> {
  const { socket } = new WsClient(t, `ws://127.0.0.1:${port}`, options, protocols);
  const [request, response] = await once(socket, "unexpected-response");
  request.destroy();
  return response.statusCode;
}

t.test("one frame is one SIP message, text or binary, both ways (RFC 7118 §5)", async (t) => {
  const { transports, handler, port } = await wsListener(t);
  const client = await WsClient.to(t, port, { origin: ORIGIN });
  t.equal(client.socket.protocol, "sip");
  client.socket.send(OPTIONS);
  client.socket.send(Buffer.from(OPTIONS), { binary: true });
  const { text, flow } = await handler.message(1);
  t.equal(handler.messages[0]!.text, OPTIONS);
  t.equal(text, OPTIONS);
  t.match(flow, { transport: "ws", remoteAddress: "127.0.0.1", open: true, listener: transports.listeners[0]! });
  const answer = message("SIP/2.0 200 OK", "grüße");
  transports.send(flow, Buffer.from(answer, "utf8"));
  t.same(await client.message(0), { text: answer, binary: false });
  transports.send(flow, Buffer.from("SIP/2.0 200 \xff\r\n\r\n", "latin1"));
  t.equal((await client.message(1)).binary, true, "what is no UTF-8 may not travel as text");
});

t.test("a double CRLF is answered with one, and a CRLF is taken for an answer (RFC 5626 §3.5.1)", async (t) => {
  const { handler, port, stats } = await wsListener(t);
  const client = await WsClient.to(t, port);
  client.socket.send("\r\n");
  client.socket.send("\r\n\r\n");
  t.equal((await client.message()).text, "\r\n");
  t.equal(handler.messages.length, 0);
  t.equal(stats.keepalives, 1);
});

t.test("a page of an origin that is not allowed gets 403; a program without Origin may come", async (t) => {
  const { handler, port, stats } = await wsListener(t);
  t.equal(await refusedWith(t, port, { origin: "https://evil.example" }), 403);
  await handler.until(() => handler.anomalies.length > 0);
  t.match(handler.anomalies[0], {
    kind: "handshake",
    detail:
      /^ws 127\.0\.0\.1:\d+: 127\.0\.0\.1:\d+ comes from a page of "https:\/\/evil\.example", which is not in `origins`$/,
  });
  t.same(stats.handshakeFailures, { origin: 1 });
  await WsClient.to(t, port);

  const open = await wsListener(t, {}, { origins: ["*"] });
  await WsClient.to(t, open.port, { origin: "https://evil.example" });
  const shut = await listening(t, [{ transport: "ws" }]);
  t.equal(await refusedWith(t, shut.transports.listeners[0]!.port, { origin: ORIGIN }), 403, "none is the default");
});

t.test("a handshake without the subprotocol sip is refused (RFC 7118 §4)", async (t) => {
  const { handler, port, stats } = await wsListener(t);
  t.equal(await refusedWith(t, port, {}, ["chat"]), 400);
  t.equal(await refusedWith(t, port, {}, []), 400);
  await handler.until(() => handler.anomalies.length === 2);
  t.match(handler.anomalies[0]!.detail, /does not ask for the WebSocket subprotocol sip/);
  t.same(stats.handshakeFailures, { "not-websocket": 2 });
});

t.test("plain HTTP gets 426; SIP and TLS where a WebSocket begins are named", async (t) => {
  const { handler, port } = await wsListener(t);
  const [response] = await once(request({ port, host: "127.0.0.1" }).end(), "response");
  response.resume();
  t.equal(response.statusCode, 426);
  for (const opening of [OPTIONS, "\x16\x03\x01\x02\x00\x01\x00"]) {
    const client = await Client.to(t, port);
    client.socket.write(opening, "latin1");
    await client.closed();
  }
  await handler.until(() => handler.anomalies.length === 3);
  t.match(
    handler.anomalies.map(({ detail }) => detail),
    [
      /asks for GET over plain HTTP$/,
      /speaks something else where a WebSocket begins$/,
      /speaks TLS where a WebSocket begins$/,
    ],
  );
});

t.test("wss is the same on top of TLS, with the client's names where it proves some", async (t) => {
  const folder = await Folder.make(t);
  const tls = {
    ...(await folder.putPair("gw", gateway)),
    ca: await folder.put("ca.pem", ca.pem),
    clientCert: "request",
  } as const;
  const { transports, handler, port } = await wsListener(t, {}, { transport: "wss", tls });
  const client = new WsClient(t, `wss://127.0.0.1:${port}`, {
    rejectUnauthorized: false,
    ...(await ca.issue({ dns: ["page.contoso.com"] })),
  });
  await once(client.socket, "open");
  client.socket.send(OPTIONS);
  const { flow } = await handler.message();
  t.match(flow, { transport: "wss", peerNames: ["page.contoso.com"] });
  transports.send(flow, Buffer.from(message("SIP/2.0 200 OK")));
  t.match(await client.message(), { text: /^SIP\/2\.0 200 OK/ });
});

t.test("a client cannot be dialled; its open connection is reused", async (t) => {
  const { transports, handler, port } = await wsListener(t);
  const listener = transports.listeners[0]!;
  const client = await WsClient.to(t, port);
  client.socket.send(OPTIONS);
  const { flow } = await handler.message();
  const target = { transport: "ws", address: "127.0.0.1", host: "127.0.0.1" } as const;
  t.equal(transports.connect({ ...target, port: flow.remotePort }, listener), flow);
  transports.connect({ ...target, port: 1 }, listener);
  t.equal(
    (await handler.end()).reason,
    "no connection to 127.0.0.1:1: a WebSocket client cannot be dialled, and none is connected from there",
  );
});

t.test("a message over the limit ends the connection with WebSocket code 1009", async (t) => {
  const { handler, port, stats } = await wsListener(t, { maxMessageBytes: 1000 });
  const client = await WsClient.to(t, port);
  client.socket.send("x".repeat(1001));
  t.equal(await client.closed(), 1009);
  t.equal((await handler.end()).reason, "framing error: the message is too long");
  t.same(stats.framingErrors, { "message-too-long": 1 });
  t.match(handler.anomalies, [{ kind: "framing", detail: /the message is too long$/ }]);
});

t.test("connections over the limit are turned away", async (t) => {
  const { handler, port, stats } = await wsListener(t, { maxConnections: 1 });
  await WsClient.to(t, port);
  const second = new WsClient(t, `ws://127.0.0.1:${port}`);
  await second.closed();
  await handler.until(() => handler.anomalies.length > 0);
  t.equal(stats.refused, 1);
  t.match(handler.anomalies[0]!.kind, "connections-full");
});

t.test("a client that does not read is cut off at the limit of its queue", async (t) => {
  const { transports, handler, port, stats } = await wsListener(t, { maxQueuedBytes: 200_000 });
  const client = await WsClient.to(t, port);
  client.socket.send(OPTIONS);
  const { flow } = await handler.message();
  client.socket.pause();
  const big = Buffer.from(message("INFO sip:a SIP/2.0", "x".repeat(50_000)));
  while (flow.open) {
    transports.send(flow, big);
    await new Promise((resolve) => setImmediate(resolve));
  }
  t.match((await handler.end()).reason, /^200000 bytes waited for 127\.0\.0\.1:\d+ since it does not read$/);
  t.equal(stats.queueOverflows, 1);
});

t.test("a quiet client is pinged; one that answers stays, one that does not is let go", async (t) => {
  const { handler, port } = await wsListener(t, { pingSeconds: 0.2, idleSeconds: 3 });
  const alive = await WsClient.to(t, port);
  await once(alive.socket, "ping");
  const deaf = await WsClient.to(t, port, { autoPong: false } as ClientOptions);
  deaf.socket.send(OPTIONS);
  const { flow } = await handler.message();
  const use = setInterval(() => alive.socket.send("\r\n\r\n"), 100);
  t.teardown(() => clearInterval(use));
  const end = await handler.end();
  t.equal(end.flow, flow);
  t.match(end.reason, /^127\.0\.0\.1:\d+ does not answer pings$/);
  t.equal(alive.socket.readyState, WebSocket.OPEN);
});

t.test("a client that goes is told once, and the gateway says goodbye with code 1001", async (t) => {
  const { transports, handler, port } = await wsListener(t);
  const first = await WsClient.to(t, port);
  first.socket.close(1000);
  t.match((await handler.end(0)).reason, /^closed by 127\.0\.0\.1:\d+ \(WebSocket code 1000\)$/);
  const second = await WsClient.to(t, port);
  second.socket.send(OPTIONS);
  await handler.message();
  const code = second.closed();
  await transports.close();
  t.equal(await code, 1001);
  t.equal((await handler.end(1)).reason, "the gateway is closing");
});

t.test("a WebSocket handshake that does not end is given up", async (t) => {
  const { handler, port } = await wsListener(t, { handshakeTimeoutMs: 100 });
  const client = await Client.to(t, port);
  client.socket.write("GET / HTTP/1.1\r\nUpgrade: web");
  await client.closed();
  await handler.until(() => handler.anomalies.length > 0);
  t.match(handler.anomalies[0]!.detail, /did not finish the WebSocket handshake within 100 ms$/);
});
