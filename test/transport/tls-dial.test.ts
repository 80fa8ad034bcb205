import type { TLSSocket, TlsOptions } from "node:tls";
import t from "tap";
import { explainDialled } from "../../src/transport/tls/failure.ts";
import { Folder } from "../support/certificates.ts";
import { ca, gateway, pool, stranger, TLS_1_0, target, tlsListener } from "./tls-peers.ts";
import { listening, OPTIONS } from "./wire.ts";

t.test(
  "a dialled server proves the host that was meant, and is asked for by that name (RFC 5922 §7, RFC 6066 §3)",
  async (t) => {
    const { transports, handler, listener } = await tlsListener(t);
    const certificate = await ca.issue({ dns: ["pcpool.contoso.com", "pc01.contoso.com"] });
    const peer = await pool(t, { ...certificate, requestCert: true, ca: ca.pem });
    const flow = transports.connect(target(peer.port, "PCPool.contoso.com"), listener);
    transports.send(flow, Buffer.from(OPTIONS));
    const server = await peer.next();
    t.equal(await server.until((text) => text.length >= OPTIONS.length), OPTIONS);
    const socket = server.socket as TLSSocket;
    t.equal((socket as unknown as { servername: string }).servername.toLowerCase(), "pcpool.contoso.com");
    t.equal(
      socket.getPeerCertificate().subject.CN,
      "gw.contoso.com",
      "the listener's certificate is our client certificate",
    );
    t.same(flow.peerNames, ["pcpool.contoso.com", "pc01.contoso.com"]);
    socket.write(OPTIONS);
    t.equal((await handler.message()).flow, flow);
  },
);

t.test("nothing is sent to a server whose certificate does not hold; the reason is a sentence", async (t) => {
  const { transports, handler, listener, stats } = await tlsListener(t);
  const cases: [string, TlsOptions, string, RegExp][] = [
    [
      "name",
      await ca.issue({ dns: ["www.contoso.com"] }),
      "name",
      /: it showed a certificate for www\.contoso\.com, not for pcpool\.contoso\.com$/,
    ],
    [
      "wildcard",
      await ca.issue({ dns: ["*.contoso.com"] }),
      "name",
      /not for pcpool\.contoso\.com; a wildcard does not count for SIP \(RFC 5922 §7\.2\)$/,
    ],
    [
      "expired",
      await ca.issue({ dns: ["pcpool.contoso.com"], validFrom: -9, validTo: -2 }),
      "expired",
      /that expired on \d{4}-\d\d-\d\d$/,
    ],
    [
      "future",
      await ca.issue({ dns: ["pcpool.contoso.com"], validFrom: 2, validTo: 9 }),
      "not-yet-valid",
      /that is not valid before \d{4}-\d\d-\d\d$/,
    ],
    [
      "stranger",
      await stranger.issue({ dns: ["pcpool.contoso.com"] }),
      "unknown-ca",
      /of an unknown CA \(issued by Some Other CA\)$/,
    ],
    [
      "client only",
      await ca.issue({ dns: ["pcpool.contoso.com"], usages: "client" }),
      "purpose",
      /not meant for this use/,
    ],
  ];
  for (const [index, [name, certificate, kind, reason]] of cases.entries()) {
    const peer = await pool(t, certificate);
    transports.send(transports.connect(target(peer.port), listener), Buffer.from(OPTIONS));
    const end = await handler.end(index);
    t.match(end.reason, /^no TLS connection to pcpool\.contoso\.com \(127\.0\.0\.1:\d+\): it /, name);
    t.match(end.reason, reason, name);
    t.equal(stats.handshakeFailures[kind as "name"], name === "wildcard" ? 2 : 1, name);
    await peer.gone;
    t.equal(peer.clients.map(({ text }) => text).join(), "", "no SIP reached it");
  }
});

t.test(
  "a revoked certificate is refused, and so is every one when the list is outdated or of another CA",
  async (t) => {
    const certificate = await ca.issue({ dns: ["pcpool.contoso.com"] });
    const cases: [string, string, RegExp][] = [
      [
        await ca.revoke([certificate.serial]),
        "revoked",
        /: it showed a certificate for pcpool\.contoso\.com that is revoked$/,
      ],
      [await ca.revoke([], -0.5), "revocation-unknown", /the revocation list of Contoso Test CA is outdated$/],
      [await stranger.revoke([]), "revocation-unknown", /`crl` has no list of Contoso Test CA/],
    ];
    const peer = await pool(t, certificate);
    for (const [list, kind, reason] of cases) {
      const folder = await Folder.make(t);
      const { transports, handler, listener, stats } = await tlsListener(t, { crl: await folder.put("crl.pem", list) });
      transports.connect(target(peer.port), listener);
      t.match((await handler.end()).reason, reason);
      t.match(stats.handshakeFailures, { [kind]: 1 });
    }
    const folder = await Folder.make(t);
    const der = Buffer.from((await ca.revoke(["77"])).replace(/-----[^-]+-----/g, ""), "base64");
    const { transports, listener } = await tlsListener(t, { crl: await folder.put("crl.der", der) });
    transports.send(transports.connect(target(peer.port), listener), Buffer.from(OPTIONS));
    peer.clients.length = 0;
    t.equal(
      await (await peer.next()).until((text) => text.length > 0),
      OPTIONS,
      "a good list, in DER, lets a good one through",
    );
  },
);

t.test("a pool that has TLS 1.0 only is reached when it is a legacy host", async (t) => {
  const peer = await pool(t, { ...(await ca.issue({ dns: ["pcpool.contoso.com"] })), ...TLS_1_0 });
  const { transports, handler, listener } = await tlsListener(t);
  transports.connect(target(peer.port), listener);
  t.match(
    (await handler.end()).reason,
    /: it has no TLS version in common with us; naming it in `tls\.legacyHosts` allows it/,
  );

  const folder = await Folder.make(t);
  const tls = { ...(await folder.putPair("gw", gateway)), ca: await folder.put("ca.pem", ca.pem) };
  const other = await listening(t, [{ transport: "tls", tls }], { tls: { legacyHosts: ["PCPOOL.contoso.com"] } });
  const flow = other.transports.connect(target(peer.port), other.transports.listeners[0]!);
  other.transports.send(flow, Buffer.from(OPTIONS));
  t.equal(await (await peer.next()).until((text) => text.length > 0), OPTIONS);
});

t.test("a server that speaks no TLS, or has no cipher suite of ours, is named", async (t) => {
  const { transports, handler, listener, stats } = await tlsListener(t);
  const plain = await listening(t, [{ transport: "tcp" }]);
  transports.connect(target(plain.transports.listeners[0]!.port), listener);
  t.match(
    (await handler.end(0)).reason,
    /: it (does not speak TLS on that port|closed the connection during the TLS handshake)$/,
  );

  const strict = await pool(t, {
    ...(await ca.issue({ dns: ["pcpool.contoso.com"] })),
    maxVersion: "TLSv1.2",
    ciphers: "AES256-SHA256",
  });
  transports.connect(target(strict.port), listener);
  t.match(
    (await handler.end(1)).reason,
    /: it has no cipher suite in common with us, or wants a certificate that we do not have$/,
  );
  t.ok(stats.handshakeFailures.cipher === 1);
});

t.test(
  "an alert means the same by the name that OpenSSL 3.2 and later give it, in the code and in the text",
  async (t) => {
    const older = Object.assign(new Error(), { code: "ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE" });
    const newer = Object.assign(new Error(), { code: "ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE" });
    const written = new Error(
      "C0FF:error:0A000410:SSL routines:ssl3_read_bytes:ssl/tls alert handshake failure:ssl.c:9:",
    );
    t.equal(explainDialled(older).kind, "cipher");
    for (const error of [newer, written]) t.same(explainDialled(error), explainDialled(older));
  },
);

t.test("a connection serves only the host that it was dialled for", async (t) => {
  const { transports, listener } = await tlsListener(t);
  const peer = await pool(t, await ca.issue({ dns: ["pcpool.contoso.com", "pcpool2.contoso.com"] }));
  const first = transports.connect(target(peer.port), listener);
  t.equal(transports.connect(target(peer.port), listener), first);
  const other = transports.connect(target(peer.port, "pcpool2.contoso.com"), listener);
  t.not(other, first);
  t.equal(transports.connect(target(peer.port, "pcpool2.contoso.com"), listener), other);
});
