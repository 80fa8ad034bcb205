import { once } from "node:events";
import { connect as tcpConnect } from "node:net";
import { connect } from "node:tls";
import t from "tap";
import { Folder } from "../support/certificates.ts";
import { ca, gateway, target, tlsClient, tlsListener } from "./tls-peers.ts";
import { Client, listening, message, OPTIONS, peerServer } from "./wire.ts";

t.test("SIP travels over TLS both ways, and the CRLF keepalive with it", async (t) => {
  const { transports, handler, listener } = await tlsListener(t);
  const client = await tlsClient(t, listener.port);
  client.socket.write(`\r\n\r\n${OPTIONS}`);
  const { text, flow } = await handler.message();
  t.equal(text, OPTIONS);
  t.match(flow, { transport: "tls", remoteAddress: "127.0.0.1", remotePort: client.socket.localPort, open: true });
  t.equal(flow.peerNames, undefined, "a client that showed no certificate has no names");
  const answer = message("SIP/2.0 200 OK");
  transports.send(flow, Buffer.from(answer));
  t.equal(await client.until((text) => text.length >= answer.length + 2), `\r\n${answer}`);
});

t.test("what comes together with the end of its connection is taken in before the end is told", async (t) => {
  const { handler, listener } = await tlsListener(t);
  const client = await tlsClient(t, listener.port);
  const seen: string[] = [];
  handler.onMessage = (_bytes, flow) => seen.push(`a message while ${flow.open ? "open" : "closed"}`);
  client.socket.cork();
  client.socket.write(OPTIONS);
  client.socket.end();
  await handler.end();
  t.same(seen, ["a message while open"]);
});

t.test(
  "an accepted connection is reused for its address, and for a name only when the peer has proved it (RFC 5923)",
  async (t) => {
    const { transports, handler, listener } = await tlsListener(t, { clientCert: "request" });
    const client = await tlsClient(t, listener.port, await ca.issue({ dns: ["fe01.contoso.com"] }));
    client.socket.write(OPTIONS);
    const { flow } = await handler.message();
    const { remotePort } = flow;
    t.equal(transports.connect(target(remotePort, "127.0.0.1"), listener), flow);
    t.equal(transports.connect(target(remotePort, "FE01.contoso.com"), listener), flow);
    t.not(transports.connect(target(remotePort, "fe02.contoso.com"), listener), flow);
  },
);

t.test("a handshake that does not end is given up, whoever began it", async (t) => {
  const folder = await Folder.make(t);
  const tls = { ...(await folder.putPair("gw", gateway)), ca: await folder.put("ca.pem", ca.pem) };
  const { transports, handler } = await listening(t, [{ transport: "tls", tls }], {
    connectTimeoutMs: 100,
    handshakeTimeoutMs: 100,
  });
  const listener = transports.listeners[0]!;
  const client = await Client.to(t, listener.port);
  client.socket.write("\x16\x03\x01", "latin1");
  await client.closed();
  await handler.until(() => handler.anomalies.length > 0);
  t.match(handler.anomalies[0]!.detail, /did not finish the TLS handshake within 100 ms$/);

  const mute = await peerServer(t);
  transports.connect(target(mute.port, "127.0.0.1"), listener);
  t.match(
    (await handler.end()).reason,
    /^no TLS connection to 127\.0\.0\.1:\d+: it did not finish the handshake within 100 ms$/,
  );
  t.same(transports.stats()[0]!.handshakeFailures, { timeout: 2 });
});

t.test("handshakes count against the limit of connections", async (t) => {
  const folder = await Folder.make(t);
  const tls = await folder.putPair("gw", gateway);
  const { transports, handler } = await listening(t, [{ transport: "tls", tls }], { maxConnections: 1 });
  const { port } = transports.listeners[0]!;
  const first = await Client.to(t, port);
  const second = tcpConnect(port, "127.0.0.1").on("error", () => undefined);
  await once(second, "close");
  t.equal(transports.stats()[0]!.refused, 1);
  first.socket.destroy();
  await first.closed();
  // The place is free once the server has seen the end, too.
  let came = false;
  while (!came) {
    const socket = connect({ port, host: "127.0.0.1", rejectUnauthorized: false }).on("error", () => undefined);
    t.teardown(() => socket.destroy());
    came = await new Promise<boolean>((resolve) => {
      socket.once("secureConnect", () => resolve(true)).once("close", () => resolve(false));
    });
    if (came) socket.write(OPTIONS);
  }
  t.equal((await handler.message()).text, OPTIONS);
});
