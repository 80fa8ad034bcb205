import { connect as tcpConnect } from "node:net";
import { type ConnectionOptions, connect, type TLSSocket } from "node:tls";
import t from "tap";
import { TrustRules } from "../../src/guard/trust.ts";
import { Folder } from "../support/certificates.ts";
import { ca, knock, stranger, TLS_1_0, tlsClient, tlsListener } from "./tls-peers.ts";
import { Client, OPTIONS, peerServer } from "./wire.ts";

t.test("clientCert require lets in who proves its names, and says of others why not", async (t) => {
  const { handler, listener, stats } = await tlsListener(t, { clientCert: "require" });
  const frontEnd = await ca.issue({ dns: ["fe01.contoso.com", "fe.contoso.com"] });
  const client = await tlsClient(t, listener.port, frontEnd);
  client.socket.write(OPTIONS);
  t.same((await handler.message()).flow.peerNames, ["fe01.contoso.com", "fe.contoso.com"]);

  const cases: [ConnectionOptions, string, RegExp][] = [
    [{}, "certificate-missing", /^tls 127\.0\.0\.1:\d+: 127\.0\.0\.1:\d+ showed no certificate$/],
    [
      await stranger.issue({ dns: ["fe01.contoso.com"] }),
      "unknown-ca",
      /showed a certificate for fe01\.contoso\.com of an unknown CA \(issued by Some Other CA\)$/,
    ],
    [await ca.issue({ dns: ["fe01.contoso.com"], validFrom: -9, validTo: -1 }), "expired", /that expired on/],
  ];
  for (const [index, [options, kind, detail]] of cases.entries()) {
    await knock(t, listener.port, options);
    await handler.until(() => handler.anomalies.length > index);
    t.equal(handler.anomalies[index]!.kind, "handshake");
    t.match(handler.anomalies[index]!.detail, detail);
    t.equal(stats.handshakeFailures[kind as "expired"], 1);
  }
  t.equal(handler.messages.length, 1);
});

t.test("a front end may dial with a certificate for servers only, as those of OCS and Lync do", async (t) => {
  const folder = await Folder.make(t);
  const serverOnly = await ca.issue({ dns: ["fe01.contoso.com"], usages: "server" });
  const lookalike = await stranger.issue({ dns: ["fe01.contoso.com"], usages: "server" });
  const revoked = await ca.issue({ dns: ["fe02.contoso.com"], usages: "server" });
  const crl = await folder.put("crl.pem", await ca.revoke([revoked.serial]));
  const { handler, listener } = await tlsListener(t, { clientCert: "require", crl });
  const client = await tlsClient(t, listener.port, serverOnly);
  client.socket.write(OPTIONS);
  t.same((await handler.message()).flow.peerNames, ["fe01.contoso.com"]);
  for (const [index, certificate] of [lookalike, revoked].entries()) {
    await knock(t, listener.port, certificate);
    await handler.until(() => handler.anomalies.length > index);
  }
  t.match(handler.anomalies, [
    { detail: /showed a certificate for fe01\.contoso\.com of an unknown CA/ },
    { detail: /showed a certificate for fe02\.contoso\.com that is revoked$/ },
  ]);
});

t.test("clientCert request lets everybody in; names are for those who prove them", async (t) => {
  const { handler, listener } = await tlsListener(t, { clientCert: "request" });
  const named = await tlsClient(t, listener.port, await ca.issue({ dns: ["fe01.contoso.com"] }));
  named.socket.write(OPTIONS);
  t.same((await handler.message(0)).flow.peerNames, ["fe01.contoso.com"]);
  const unnamed = await tlsClient(t, listener.port);
  unnamed.socket.write(OPTIONS);
  t.equal((await handler.message(1)).flow.peerNames, undefined);
  t.equal(handler.anomalies.length, 0);
  const pretender = await tlsClient(t, listener.port, await stranger.issue({ dns: ["fe01.contoso.com"] }));
  pretender.socket.write(OPTIONS);
  t.equal((await handler.message(2)).flow.peerNames, undefined);
  t.match(handler.anomalies, [{ kind: "handshake", detail: /of an unknown CA .*; it is let in without a name$/ }]);
});

t.test("a TLS 1.0 hello at a modern listener is refused with its version; a legacy listener takes it", async (t) => {
  const modern = await tlsListener(t);
  t.match(
    await knock(t, modern.listener.port, TLS_1_0),
    { code: "ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION" },
    "with an alert",
  );
  await modern.handler.until(() => modern.handler.anomalies.length > 0);
  t.match(modern.handler.anomalies[0], {
    kind: "handshake",
    detail:
      /^tls 127\.0\.0\.1:\d+: 127\.0\.0\.1:\d+ offers TLS 1\.0 at most, less than TLS 1\.2; `legacy: true` on the listener allows it$/,
  });
  t.same(modern.stats.handshakeFailures, { version: 1 });

  const legacy = await tlsListener(t, { legacy: true });
  const client = await tlsClient(t, legacy.listener.port, TLS_1_0);
  t.equal((client.socket as TLSSocket).getProtocol(), "TLSv1");
  client.socket.write(OPTIONS);
  t.equal((await legacy.handler.message()).text, OPTIONS);
});

t.test("who offers only RC4 and 3DES is told apart: no setting helps there", async (t) => {
  const { handler, listener, stats } = await tlsListener(t, { legacy: true });
  const socket = tcpConnect(listener.port, "127.0.0.1");
  t.teardown(() => socket.destroy());
  socket.on("error", () => undefined);
  // A TLS 1.0 ClientHello with the suites that Windows XP has: RC4-MD5, RC4-SHA, 3DES-SHA, DES-SHA.
  const body = Buffer.concat([
    Buffer.from([3, 1]),
    Buffer.alloc(32, 7),
    Buffer.from([0, 0, 8, 0, 4, 0, 5, 0, 10, 0, 9, 1, 0]),
  ]);
  socket.write(Buffer.concat([Buffer.from([22, 3, 1, 0, body.length + 4, 1, 0, 0, body.length]), body]));
  await handler.until(() => handler.anomalies.length > 0);
  t.match(
    handler.anomalies[0]!.detail,
    /offers only cipher suites with RC4, DES or 3DES, which Node does not have; it needs TCP or a TLS terminator/,
  );
  t.same(stats.handshakeFailures, { cipher: 1 });
});

t.test("plain SIP and HTTP on a TLS port are named; a health check that says nothing is not", async (t) => {
  const { handler, listener, stats } = await tlsListener(t);
  for (const opening of [OPTIONS, "GET / HTTP/1.1\r\n\r\n", "hello"]) {
    const client = await Client.to(t, listener.port);
    client.socket.write(opening);
    await client.closed();
  }
  const quiet = await Client.to(t, listener.port);
  quiet.socket.end();
  await quiet.closed();
  await handler.until(() => handler.anomalies.length === 3);
  t.match(
    handler.anomalies.map(({ detail }) => detail),
    [/speaks plain SIP on a TLS port$/, /speaks HTTP on a TLS port$/, /speaks something that is no TLS on a TLS port$/],
  );
  t.same(stats.handshakeFailures, { "not-tls": 3 });
});

t.test("a client that does not take our certificate is told apart by its alert", async (t) => {
  const { handler, listener, stats } = await tlsListener(t);
  // Node's own client sends no such alert, so its hello is recorded and played, with the alert behind it.
  const recording = await peerServer(t);
  const recorded = connect({ port: recording.port, host: "127.0.0.1", maxVersion: "TLSv1.2" }).on(
    "error",
    () => undefined,
  );
  t.teardown(() => recorded.destroy());
  const hello = await (await recording.accepted()).until((text) => text.length > 100);
  const client = await Client.to(t, listener.port);
  client.socket.write(hello, "latin1");
  await client.until((text) => text.length > 100);
  client.socket.write("\x15\x03\x03\x00\x02\x02\x30", "latin1");
  await handler.until(() => handler.anomalies.length > 0);
  t.match(handler.anomalies[0]!.detail, /does not take our certificate: it does not know its CA$/);
  t.same(stats.handshakeFailures, { "certificate-refused": 1 });
});

t.test("a peer is trusted by the name that its certificate proves, and by nothing that it only claims", async (t) => {
  const { handler, listener } = await tlsListener(t, { clientCert: "request" });
  const rules = new TrustRules([[listener, { networks: [], names: ["fe01.contoso.com"], others: "refuse" }]]);
  for (const [index, [options, trust]] of [
    [await ca.issue({ dns: ["fe01.contoso.com"] }), "full"],
    [await ca.issue({ dns: ["fe02.contoso.com"] }), "none"],
    [await stranger.issue({ dns: ["fe01.contoso.com"] }), "none"],
    [{}, "none"],
  ].entries() as ArrayIterator<[number, [object, string]]>) {
    const client = await tlsClient(t, listener.port, options);
    client.socket.write(OPTIONS);
    t.equal(rules.of((await handler.message(index)).flow), trust, `client ${index}`);
  }
});
