import { writeFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { loadConfig } from "../../src/config/load.ts";

function load(t: Test, text: string, files: Record<string, string> = {}) {
  const folder = t.testdir(files);
  const file = join(folder, "waypost.yaml");
  writeFileSync(file, text);
  return { folder, load: () => loadConfig({ file, env: {}, cwd: folder }) };
}

const LISTEN = "listen: [{ transport: udp, host: 192.0.2.5, port: 5060 }]\nengine: drachtio\n";

t.test("servers, their ports and the files of the group", async (t) => {
  const text = `${LISTEN}drachtio: { servers: [drachtio01.contoso.com, "192.0.2.6:9023"], secretFile: secret, tls: { ca: ca.pem }, dnsNames: [contoso.com] }\n`;
  const { folder, load: read } = load(t, text, { secret: "s", "ca.pem": "" });
  t.same(read().drachtio, {
    servers: [
      { host: "drachtio01.contoso.com", port: 9022 },
      { host: "192.0.2.6", port: 9023 },
    ],
    secretFile: join(folder, "secret"),
    tls: { ca: join(folder, "ca.pem") },
    dnsNames: ["contoso.com"],
  });
});

const REFUSED: readonly (readonly [string, string, RegExp])[] = [
  ["no group", "", /2:9: engine drachtio needs the group drachtio/],
  ["neither servers nor listen", "drachtio: { secret: s }\n", /drachtio needs servers to connect to, or listen/],
  ["no secret", "drachtio: { servers: [a.b] }\n", /needs one of secret and secretFile/],
  ["two secrets", "drachtio: { servers: [a.b], secret: s, secretFile: f }\n", /needs one of secret and secretFile/],
  [
    "a secret that the protocol would cut",
    'drachtio: { servers: [a.b], secret: "a|b" }\n',
    /without \| and without line/,
  ],
  ["a missing file", "drachtio: { servers: [a.b], secretFile: gone }\n", /3:\d+: there is no file .*gone/],
  ["a registrar", "drachtio: { servers: [a.b], secret: s }\nregistrar: {}\n", /4:1: registrar belongs/],
  ["probes", "drachtio: { servers: [a.b], secret: s }\nprobe: {}\n", /4:1: probe belongs to the embedded engine/],
  [
    "a default route",
    'drachtio: { servers: [a.b], secret: s }\ndefaultRoute: { proxy: "sip:fe01.contoso.com" }\n',
    /4:1: a default route that proxies belongs to the embedded engine/,
  ],
];

for (const [what, text, message] of REFUSED) {
  t.test(`refused: ${what}`, async (t) => {
    t.throws(load(t, `${LISTEN}${text}`).load, { code: "CONFIG_INVALID", message });
  });
}

t.test(
  "refused: dnsNames without a listener on 5060, certificates of listeners, the group without the engine",
  async (t) => {
    const listen =
      "listen: [{ transport: tls, host: 192.0.2.5, port: 5061, cert: a.pem, key: a.key }]\nengine: drachtio\n";
    t.throws(load(t, `${listen}drachtio: { servers: [a.b], secret: s, dnsNames: [contoso.com] }\n`).load, {
      message:
        /cert of a listener of drachtio-server belongs to drachtio\.conf\.xml\n.*\n.*only with a listener on port 5060/,
    });
    const embedded =
      "listen: [{ transport: udp, host: 192.0.2.5, port: 5060 }]\ndrachtio: { servers: [a.b], secret: s }\n";
    t.throws(load(t, embedded).load, { message: /2:1: the group drachtio belongs to engine: drachtio/ });
  },
);
