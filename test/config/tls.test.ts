import { join } from "node:path";
import t, { type Test } from "tap";
import type { Config } from "../../src/config/config.ts";
import { loadConfig } from "../../src/config/load.ts";

const FILES = { "gw.pem": "", "gw.key": "", "ca.pem": "", "ca.crl": "" };

function load(t: Test, text: string): { folder: string; config: Config } {
  const folder = t.testdir({ ...FILES, "waypost.yaml": text });
  return { folder, config: loadConfig({ file: join(folder, "waypost.yaml"), env: {}, cwd: "/" }) };
}

t.test(
  "TLS and WebSocket listeners and outbound TLS are read, files counted from the configuration's folder",
  async (t) => {
    const { folder, config } = load(
      t,
      `listen:
  - { transport: tls, host: 0.0.0.0, port: 5061, cert: gw.pem, key: gw.key, ca: ca.pem, crl: ca.crl, clientCert: require, legacy: true }
  - { transport: wss, host: 0.0.0.0, port: 443, cert: gw.pem, key: gw.key, origins: ["https://chat.contoso.com"] }
  - { transport: ws, host: 0.0.0.0, port: 80, origins: ["*"] }
tls: { ca: ca.pem, verify: chain, legacyHosts: [pcpool.contoso.com] }
`,
    );
    const at = (name: string) => join(folder, name);
    const pair = { cert: at("gw.pem"), key: at("gw.key") };
    t.same(
      config.listen.map(({ tls, origins }) => ({ tls, origins })),
      [
        {
          tls: { ...pair, ca: at("ca.pem"), crl: at("ca.crl"), clientCert: "require", legacy: true },
          origins: undefined,
        },
        { tls: { ...pair, clientCert: "none", legacy: false }, origins: ["https://chat.contoso.com"] },
        { tls: undefined, origins: ["*"] },
      ],
    );
    t.same(config.tls, { ca: at("ca.pem"), verify: "chain", legacyHosts: ["pcpool.contoso.com"] });
  },
);

t.test("what is wrong with TLS and WebSocket settings is told with its line", async (t) => {
  const cases: [string, string[]][] = [
    ["listen: [{ transport: tls, host: 0.0.0.0, port: 5061 }]", ["1:10: a tls listener needs cert and key"]],
    [
      "listen: [{ transport: tls, host: 0.0.0.0, port: 5061, cert: gw.pem }]",
      ["1:55: the listener has cert without key"],
    ],
    [
      "listen: [{ transport: wss, host: 0.0.0.0, port: 443, cert: gw.pem, key: gw.key, ca: other.pem }]",
      ["1:85: there is no file FOLDER/other.pem"],
    ],
    [
      "listen: [{ transport: tcp, host: 0.0.0.0, port: 5060, cert: gw.pem, key: gw.key, origins: [] }]",
      [
        "1:55: cert belongs to tls and wss listeners, not to tcp",
        "1:69: key belongs to tls and wss listeners, not to tcp",
        "1:82: origins belongs to ws and wss listeners, not to tcp",
      ],
    ],
    [
      "listen: [{ transport: ws, host: 0.0.0.0, port: 80, origins: [chat.contoso.com] }]",
      ['1:62: listen[0].origins[0] must be an origin such as https://chat.contoso.com, or *, not "chat.contoso.com"'],
    ],
    [
      "listen: [{ transport: udp, host: 0.0.0.0, port: 5060 }]\ntls: { key: gw.key, verify: maybe, legacyHost: [] }",
      [
        '2:29: tls.verify must be full, chain or none, not "maybe"',
        "2:36: unknown setting tls.legacyHost; did you mean legacyHosts?",
      ],
    ],
    [
      "listen: [{ transport: udp, host: 0.0.0.0, port: 5060 }]\ntls: { key: gw.key }",
      ["2:8: the group tls has key without cert"],
    ],
  ];
  for (const [text, wanted] of cases) {
    const folder = t.testdir({ ...FILES, "waypost.yaml": text });
    const file = join(folder, "waypost.yaml");
    try {
      loadConfig({ file, env: {}, cwd: "/" });
      t.fail(`accepted: ${text}`);
    } catch (error) {
      const lines = (error as Error).message.split("\n");
      t.same(
        lines.map((line) => line.replace(`${file}:`, "").replace(folder, "FOLDER")),
        wanted,
      );
    }
  }
});
