import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { loadConfig } from "../../src/config/load.ts";
import { startGateway } from "../../src/daemon.ts";
import { SamplePool } from "../../src/demo/sample-pool.ts";
import { gatewayPlaces } from "../../src/doctor/from-config.ts";
import { probePool } from "../../src/doctor/reach.ts";
import { createLog } from "../../src/observe/log.ts";
import { udpEnvironment } from "../support/udp-form.ts";
import { closedPort, examined, reaching } from "./examined.ts";

async function gateway(t: Parameters<typeof reaching>[0], poolPort: number) {
  const folder = await mkdtemp(join(tmpdir(), "waypost-doctor-"));
  const file = join(folder, "waypost.yaml");
  const config = {
    listen: [
      { transport: "tcp", host: "127.0.0.1", port: 0 },
      { transport: "udp", host: "127.0.0.1", port: 0 },
    ],
    resolve: { hosts: { "pcpool.contoso.com": [`tcp:127.0.0.1:${poolPort}`] } },
  };
  await writeFile(file, JSON.stringify(config));
  const rows = [{ sipAddress: "sip:ocschat@contoso.com", poolFqdn: "pcpool.contoso.com" }];
  await writeFile(join(folder, "endpoints.json"), JSON.stringify({ endpoints: rows }));
  const running = await startGateway(loadConfig({ file, env: udpEnvironment, cwd: folder }), createLog("silent"));
  t.teardown(async () => {
    await running.stop();
    await rm(folder, { recursive: true, force: true });
  });
  const places = running.listeners.map(({ transport, address, port, advertisedHost }) => ({
    transport,
    address,
    port,
    host: advertisedHost,
  }));
  return { running, places };
}

t.test("with a gateway that runs: its listeners are asked, and the call goes through it too", async (t) => {
  const sample = new SamplePool({ listen: { address: "127.0.0.1", port: 0 } });
  await sample.start();
  t.teardown(() => sample.close());
  const { places } = await gateway(t, sample.address.port);
  const more = { gateway: places, call: "sip:tester@contoso.com" };
  const steps = await examined(await reaching(t, [sample.address]), undefined, more);
  t.same(
    steps.all.map(({ name, outcome }) => `${name} ${outcome}`),
    ["table", "gateway", "gateway", "resolve", "connect", "options", "call", "connect", "call"].map(
      (name) => `${name} ok`,
    ),
  );
  t.match(steps.all.at(-1)?.detail, /^look-up call through the gateway at tcp:127\.0\.0\.1:\d+: 200 OK$/);
  t.match(sample.stats, { invites: 2, dialogs: 0 });
});

t.test("a gateway that does not run, and another program in its place", async (t) => {
  const sample = new SamplePool({ listen: { address: "127.0.0.1", port: 0 } });
  await sample.start();
  t.teardown(() => sample.close());
  const dead = await closedPort();
  const place = { transport: "tcp", host: "gw.contoso.com" } as const;
  const places = [
    { ...place, ...dead, transport: "tcp" as const },
    { ...place, ...sample.address },
  ];
  const steps = await examined(await reaching(t, [sample.address]), undefined, { gateway: places });
  t.match(steps.all.slice(1, 3), [
    { name: "gateway", outcome: "failed", detail: /connection refused/, fix: /waypost serve/ },
    { name: "gateway", outcome: "failed", detail: /somebody else answers on tcp:.*: 200 OK/, fix: /ss -lnptu/ },
  ]);
});

t.test("a pool name that leads to a gateway is noticed, by doctor and by the quick probe", async (t) => {
  const { running } = await gateway(t, 9);
  for (const { transport, address, port } of running.listeners) {
    const place = { transport: transport as "tcp" | "udp", address, port };
    const reach = await reaching(t, [place], 10_000, [transport]);
    t.match((await examined(reach)).all.at(-1), {
      name: "options",
      outcome: "failed",
      detail: /^a Waypost gateway answers for pcpool\.contoso\.com/,
      fix: /in circles/,
    });
    const found = await probePool({ host: "pcpool.contoso.com", port: undefined, transport: "auto" }, reach);
    t.match(found, { kind: "gateway", target: { port } });
  }
});

t.test("where the gateway is called up: wildcards on loopback, unknown ports not at all", async (t) => {
  const listen = [
    { transport: "udp", host: "0.0.0.0", port: 5060, advertise: { host: "gw.contoso.com" } },
    { transport: "tcp", host: "::", port: 5061 },
    { transport: "tcp", host: "127.0.0.1", port: 0 },
    { transport: "wss", host: "127.0.0.1", port: 443 },
  ];
  t.same(gatewayPlaces({ listen } as never), [
    { transport: "udp", address: "127.0.0.1", port: 5060, host: "gw.contoso.com" },
    { transport: "tcp", address: "::1", port: 5061, host: "::1" },
  ]);
});
