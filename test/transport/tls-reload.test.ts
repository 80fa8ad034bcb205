import { once } from "node:events";
import { connect } from "node:tls";
import t from "tap";
import type { TransportOptions } from "../../src/transport/part.ts";
import { Folder } from "../support/certificates.ts";
import { ca, gateway, knock, stranger, TLS_1_0, target, tlsClient } from "./tls-peers.ts";
import { type Closing, listening, message, OPTIONS } from "./wire.ts";

/** Remembers what went as it should, too. */
async function following(t: Closing, tls: TransportOptions["tls"] = {}) {
  const folder = await Folder.make(t);
  const files = { ...(await folder.putPair("gw", gateway)), ca: await folder.put("ca.pem", ca.pem) };
  const { transports, handler } = await listening(t, [{ transport: "tls", tls: files }], { tls });
  return { folder, files, transports, handler, listener: transports.listeners[0]! };
}

/** The serial number that a listener shows to who comes now. */
async function serialAt(t: Closing, port: number): Promise<string> {
  const socket = connect({ port, host: "127.0.0.1", ca: ca.pem, servername: "gw.contoso.com" });
  t.teardown(() => socket.destroy());
  await once(socket, "secureConnect");
  const { serialNumber } = socket.getPeerCertificate();
  socket.resume().end();
  await once(socket, "close");
  return serialNumber.toLowerCase();
}

t.test("certificate and key are replaced under calls in both directions, and no call fails", async (t) => {
  const { folder, transports, handler, listener } = await following(t);
  const { transports: gateway2, handler: calls } = await listening(t, [
    {
      transport: "tls",
      tls: {
        ...(await folder.putPair("fe", await ca.issue({ dns: ["fe01.contoso.com"] }))),
        ca: await folder.put("ca2.pem", ca.pem),
      },
    },
  ]);
  const answer = Buffer.from(message("SIP/2.0 200 OK"));
  handler.onMessage = (_bytes, flow) => transports.send(flow, answer);
  const way = gateway2.listeners[0]!;
  const lasting = gateway2.connect(target(listener.port, "gw.contoso.com"), way);
  let calling = true;
  let made = 0;
  const traffic = (async () => {
    while (calling) {
      gateway2.send(lasting, Buffer.from(OPTIONS));
      const client = await tlsClient(t, listener.port);
      client.socket.write(OPTIONS);
      await client.until((text) => text.length >= answer.length);
      client.socket.destroy();
      made++;
      await calls.until(() => calls.messages.length >= made);
    }
  })();
  for (let turn = 0; turn < 3; turn++) {
    const next = await ca.issue({ dns: ["gw.contoso.com"] });
    await folder.putPair("gw", next);
    await handler.until(() => handler.notices.length > turn);
    t.match(handler.notices[turn], /gw\.pem is in force: the certificate of gw\.contoso\.com, valid until \d{4}-/);
    t.equal(await serialAt(t, listener.port), next.serial);
    const before = made;
    await handler.until(() => made > before + 3);
  }
  calling = false;
  await traffic;
  t.ok(lasting.open, "the connection from before is the same one");
  t.equal(calls.messages.length, made, "every call on it was answered");
  t.equal(calls.ends.length, 0);
  t.same(handler.anomalies, []);
});

t.test("a bad replacement is refused with the reason, once, and the old certificate goes on", async (t) => {
  const { folder, transports, handler, listener } = await following(t);
  const other = await ca.issue({ dns: ["gw.contoso.com"] });
  const cases: [() => Promise<unknown>, RegExp][] = [
    [
      () => folder.put("gw.key", other.key),
      /gw\.key is not the key of .*gw\.pem; what was there before goes on serving$/,
    ],
    [() => folder.put("gw.key", "nonsense"), /gw\.key holds no private key in PEM/],
    [
      () => folder.putPair("gw", gateway).then(() => folder.put("gw.pem", "")),
      /gw\.pem holds no CERTIFICATE block in PEM/,
    ],
    [
      async () => folder.putPair("gw", await ca.issue({ dns: ["gw.contoso.com"], validFrom: -9, validTo: -1 })),
      /gw\.pem has expired/,
    ],
    [
      async () =>
        folder
          .putPair("gw", gateway)
          .then(() => folder.put("ca.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")),
      /ca\.pem holds something that is no certificate/,
    ],
  ];
  for (const [index, [spoil, reason]] of cases.entries()) {
    await spoil();
    // The first is found by itself; to wait for each would make the test slow.
    if (index > 0) await transports.reloadCertificates();
    await handler.until(() => handler.anomalies.length > index);
    t.equal(handler.anomalies[index]!.kind, "certificate-refused");
    t.match(handler.anomalies[index]!.detail, reason);
    t.equal(await serialAt(t, listener.port), gateway.serial);
  }
  t.same(handler.notices, []);
  await folder.put("ca.pem", ca.pem);
  await folder.putPair("gw", other);
  await handler.until(() => handler.notices.length > 0);
  t.equal(await serialAt(t, listener.port), other.serial);
  t.equal(handler.anomalies.length, cases.length);
});

t.test("reloadCertificates looks at once, and tells a fault at once", async (t) => {
  const { folder, transports, handler, listener } = await following(t);
  const next = await ca.issue({ dns: ["gw.contoso.com"] });
  await folder.putPair("gw", next);
  await transports.reloadCertificates();
  t.equal(await serialAt(t, listener.port), next.serial);
  await folder.put("gw.pem", gateway.cert);
  await transports.reloadCertificates();
  t.match(handler.anomalies.at(-1), { kind: "certificate-refused", detail: /is not the key of/ });
});

t.test("a changed CA and revocation list judge the connections dialled and accepted from then on", async (t) => {
  const folder = await Folder.make(t);
  const crl = await folder.put("crl.pem", await ca.revoke([]));
  const client = await ca.issue({ dns: ["fe01.contoso.com"] });
  const files = { ...(await folder.putPair("gw", gateway)), ca: await folder.put("ca.pem", ca.pem), crl };
  const strict = await listening(t, [{ transport: "tls", tls: { ...files, clientCert: "require" } }]);
  const { port } = strict.transports.listeners[0]!;
  const before = await tlsClient(t, port, client);
  before.socket.write(OPTIONS);
  await strict.handler.message(0);
  await folder.put("crl.pem", await ca.revoke([client.serial]));
  await strict.handler.until(() => strict.handler.notices.length > 0);
  await knock(t, port, client);
  await strict.handler.until(() => strict.handler.anomalies.length > 0);
  t.match(strict.handler.anomalies[0]!.detail, /that is revoked$/);
  before.socket.write(OPTIONS);
  t.equal((await strict.handler.message(1)).text, OPTIONS, "who was in stays in");

  await folder.put("ca.pem", stranger.pem);
  await folder.put("crl.pem", await stranger.revoke([]));
  await strict.transports.reloadCertificates();
  await knock(t, port, await ca.issue({ dns: ["fe02.contoso.com"] }));
  await strict.handler.until(() => strict.handler.anomalies.length > 1);
  t.match(strict.handler.anomalies[1]!.detail, /of an unknown CA/);
});

t.test("TLS versions and clientCert change without a restart", async (t) => {
  const { files, transports, handler, listener } = await following(t);
  const open = await tlsClient(t, listener.port);
  await knock(t, listener.port, TLS_1_0);
  await handler.until(() => handler.anomalies.length === 1);
  const spec = { transport: "tls", host: "127.0.0.1", port: listener.port } as const;
  await transports.reloadCertificates({ specs: [{ ...spec, tls: { ...files, legacy: true } }], tls: {} });
  const old = await tlsClient(t, listener.port, TLS_1_0);
  old.socket.write(OPTIONS);
  await handler.message(0);
  open.socket.write(OPTIONS);
  await handler.message(1);

  const missing = { specs: [{ ...spec, tls: { ...files, cert: `${files.cert}.gone` } }], tls: {} };
  await t.rejects(transports.reloadCertificates(missing), {
    code: "CERTIFICATE_INVALID",
    message: /gone cannot be read: there is no such file$/,
  });
  const again = await tlsClient(t, listener.port, TLS_1_0);
  again.socket.write(OPTIONS);
  await handler.message(2);
});

t.test("what ends soon is listed, and told when the gateway starts or when it comes into force", async (t) => {
  const folder = await Folder.make(t);
  const soon = await ca.issue({ dns: ["gw.contoso.com"], validTo: 20.5 });
  const tls = {
    ...(await folder.putPair("gw", soon)),
    ca: await folder.put("ca.pem", ca.pem),
    crl: await folder.put("crl.pem", await ca.revoke([], 5.5)),
  };
  const { transports, handler } = await listening(t, [
    { transport: "tls", tls },
    { transport: "wss", tls },
  ]);
  await handler.until(() => handler.anomalies.length > 0);
  t.match(
    transports.expiries().map(({ what, daysLeft, soon }) => ({ what, daysLeft, soon })),
    [
      { what: "revocation list", daysLeft: 5, soon: false },
      { what: "certificate of gw.contoso.com", daysLeft: 20, soon: true },
      { what: "CA Contoso Test CA", daysLeft: 3649, soon: false },
    ],
  );
  t.equal(handler.anomalies.length, 1, "once, although two listeners have it");
  t.match(handler.anomalies[0], {
    kind: "certificate-expires",
    detail: /^certificate of gw\.contoso\.com \(.*gw\.pem\) expires on \d{4}-\d\d-\d\d, in 20 days$/,
  });
  await folder.putPair("gw", await ca.issue({ dns: ["gw.contoso.com"], validTo: 3.5 }));
  await handler.until(() => handler.anomalies.length > 1);
  t.match(handler.anomalies[1]!.detail, /gw\.pem\) expires on .*, in 3 days$/, "and of what replaces it, at once");
  await handler.until(() => handler.notices.length === 2);
  t.equal(handler.anomalies.length, 2);
});

t.test("an outbound certificate of its own, and outbound verification, are settings of `tls`", async (t) => {
  const folder = await Folder.make(t);
  const own = await folder.putPair("out", await ca.issue({ dns: ["outbound.contoso.com"] }));
  const { transports, listener } = await following(t, { ...own, verify: "none" });
  const server = await listening(t, [
    {
      transport: "tls",
      tls: {
        ...(await folder.putPair("pool", await stranger.issue({ dns: ["x"] }))),
        ca: await folder.put("ca.pem", ca.pem),
        clientCert: "require",
      },
    },
  ]);
  const flow = transports.connect(target(server.transports.listeners[0]!.port), listener);
  transports.send(flow, Buffer.from(OPTIONS));
  t.same((await server.handler.message()).flow.peerNames, ["outbound.contoso.com"]);
  t.equal(flow.peerNames, undefined, "who was not checked has proved nothing");
});

t.test("files that cannot serve keep the gateway from starting, with their name", async (t) => {
  const folder = await Folder.make(t);
  const { cert, key } = await folder.putPair("gw", gateway);
  const other = await folder.putPair("other", await ca.issue({ dns: ["x"] }));
  const refuse = (tls: object, message: RegExp) =>
    t.rejects(listening(t, [{ transport: "tls", tls: { cert, key, ...tls } }]), {
      code: "CERTIFICATE_INVALID",
      message,
    });
  await refuse({ key: other.key }, /other\.key is not the key of .*gw\.pem$/);
  await refuse({ cert: `${cert}x` }, /gw\.pemx cannot be read: there is no such file$/);
  await refuse({ crl: cert }, /gw\.pem holds no X509 CRL block in PEM$/);
  await refuse({ key: await folder.put("locked.key", LOCKED) }, /locked\.key is locked by a passphrase; take it off$/);
});

const LOCKED =
  "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIH0MF8GCSqGSIb3DQEFDTBSMDEGCSqGSIb3DQEFDDAk\n-----END ENCRYPTED PRIVATE KEY-----\n";
