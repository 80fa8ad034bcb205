import { join } from "node:path";
import t, { type Test } from "tap";
import { loadConfig } from "../../src/config/load.ts";

function load(t: Test, listener: string) {
  const folder = t.testdir({
    "gw.pem": "",
    "gw.key": "",
    "waypost.yaml": `listen: [{ port: 5060, host: 0.0.0.0, ${listener} }]`,
  });
  return loadConfig({ file: join(folder, "waypost.yaml"), env: {}, cwd: "/" }).listen[0]!.trust;
}

t.test("whom a listener trusts is read: networks and names", async (t) => {
  t.equal(load(t, "transport: tcp"), undefined, "everybody, without the key");
  t.same(load(t, 'transport: udp, trusted: [10.1.0.0/16, 192.0.2.7, "2001:db8::/32"]'), {
    networks: [
      { address: "10.1.0.0", prefix: 16 },
      { address: "192.0.2.7", prefix: 32 },
      { address: "2001:db8::", prefix: 32 },
    ],
    names: [],
    others: "refuse",
  });
  const tls = "transport: tls, cert: gw.pem, key: gw.key, clientCert: require";
  t.same(load(t, `${tls}, trusted: [FE01.contoso.com, "*.contoso.com"], untrusted: endpoints`), {
    networks: [],
    names: ["fe01.contoso.com", "*.contoso.com"],
    others: "endpoints",
  });
});

for (const [listener, fault] of [
  ["transport: tcp, untrusted: refuse", /untrusted has no effect without trusted/],
  ["transport: tcp, trusted: []", /trusted .*must be a list of networks/],
  ["transport: tcp, trusted: [10.1.0.0/33]", /"10\.1\.0\.0\/33" is no network/],
  ["transport: tcp, trusted: [10.1.0/16]", /"10\.1\.0\/16" is no network/],
  ["transport: tcp, trusted: [10.1.0.300]", /"10\.1\.0\.300" must have a last label that starts with a letter/],
  ["transport: tcp, trusted: [fe01.contoso.com]", /"fe01\.contoso\.com" is a name, and peers prove names only where/],
  ["transport: tcp, trusted: [10.1.0.0/16], untrusted: allow", /untrusted/],
] as const) {
  t.test(`refused with its place: ${listener}`, async (t) => {
    t.throws(() => load(t, listener), { code: "CONFIG_INVALID", message: fault });
    t.throws(() => load(t, listener), { message: /waypost\.yaml:1:\d+: / });
  });
}
