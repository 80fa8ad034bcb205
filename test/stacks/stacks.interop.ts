import { EventEmitter, once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Inviter, SessionState } from "sip.js/lib/api/index.js";
import t, { type Test } from "tap";
import { loadConfig } from "../../src/config/load.ts";
import { startGateway } from "../../src/daemon.ts";
import { createLog } from "../../src/observe/log.ts";
import { play, type SippTransport } from "../sipp/sipp.ts";
import { Authority, Folder } from "../support/certificates.ts";
import { freePort } from "../support/free-port.ts";
import { tableText } from "../support/gateway.ts";
import { answered, reaches, sipJsAgent, uri } from "../support/sipjs.ts";
import { udpEnvironment } from "../support/udp-form.ts";
import { baresip } from "./baresip.ts";
import { contactHost, kamailioFrontEnd, kamailioPool } from "./kamailio.ts";
import { Program } from "./program.ts";
import { LOOPBACK, nameOf, type Side, targetOf } from "./sides.ts";

/**
 * Stacks that are not ours, as callers, as front end and as pools, over every transport that they have. Not part of the
 * suite: `npm run interop`.
 */

const SIDES = (["udp", "tcp", "tls"] as const).flatMap((transport) =>
  ([4, 6] as const).map((family) => ({ transport, family })),
);

async function withPorts(): Promise<Side[]> {
  return Promise.all(SIDES.map(async (side) => ({ ...side, port: await freePort() })));
}

// Each wait has its own limit.
t.setTimeout(0);
const ca = await Authority.make();
const folder = await Folder.make(t);
const ips = Object.values(LOOPBACK);
const [rooms, edgeSides, sippPools] = [await withPorts(), await withPorts(), (await withPorts()).slice(0, 4)];
const phonePort = await freePort(2);

/** Each pool's one address, by its name: `kamailio-tls6`, `baresip-tcp`. */
const pools = new Map<string, string>([
  ...rooms.map((side): [string, string] => [`kamailio-${nameOf(side)}`, targetOf(side)]),
  ...sippPools.map((side): [string, string] => [`sipp-${nameOf(side)}`, targetOf(side)]),
  ["baresip-udp", `udp:127.0.0.1:${phonePort}`],
  ["baresip-tcp", `tcp:127.0.0.1:${phonePort}`],
  ["baresip-tls", `tls:127.0.0.1:${phonePort + 1}`],
]);
/** Who calls, which is the first part of the address called. */
const CALLERS = [...SIDES.map(nameOf), "sipp", "baresip", "sipsak", "sipjs"];

await folder.put("ca.pem", ca.pem);
await folder.putPair("gw", await ca.issue({ dns: ["gw.contoso.com"], ips }));
const rows = [...pools.keys()].flatMap((pool) =>
  CALLERS.map((caller) => ({
    sipAddress: `sip:${caller}.${pool}@contoso.com`,
    poolFqdn: `${pool}.contoso.com`,
    requestUri: "pool",
  })),
);
await folder.put("endpoints.json", tableText(rows));
const file = join(folder.path, "waypost.yaml");
const secure = { cert: "gw.pem", key: "gw.key", ca: "ca.pem" };
const config = {
  listen: [
    ...SIDES.map(({ transport, family }) => ({
      ...{ transport, host: LOOPBACK[family], port: 0 },
      // A front end proves its name; IPv4 also lets phones in, which have no certificate.
      ...(transport === "tls" ? { ...secure, clientCert: family === 6 ? "require" : "request" } : {}),
    })),
    { transport: "ws", host: "127.0.0.1", port: 0 },
    { transport: "wss", host: "127.0.0.1", port: 0, ...secure },
  ],
  resolve: {
    hosts: Object.fromEntries([
      ...[...pools].map(([name, target]) => [`${name}.contoso.com`, [target]]),
      ...rooms.map((side) => [contactHost(side.port), [targetOf(side)]]),
    ]),
  },
};
await writeFile(file, JSON.stringify(config));

/** One line of the gateway's log. */
type Line = Readonly<Record<string, unknown>>;
const log: Line[] = [];
const lines = new EventEmitter().setMaxListeners(0);
const gateway = await startGateway(
  loadConfig({ file, env: udpEnvironment, cwd: folder.path }),
  createLog("debug", {
    write: (line) => {
      log.push(JSON.parse(line) as Line);
      lines.emit("line");
    },
  }),
);
t.teardown(() => gateway.stop());
const ways = SIDES.map((side): Side => {
  const { port } = gateway.listeners.find((l) => l.transport === side.transport && l.family === side.family)!;
  return { ...side, port };
});
const wayOf = (name: string): Side => ways.find((side) => nameOf(side) === name)!;

/** Resolves with the first line of the gateway's log, past or to come, for which this holds. */
async function logged(what: string, fits: (line: Line) => boolean): Promise<Line> {
  const deadline = AbortSignal.timeout(30_000);
  for (;;) {
    const found = log.find(fits);
    if (found !== undefined) return found;
    if (deadline.aborted)
      throw new Error(`the gateway did not log ${what}; its last lines: ${JSON.stringify(log.slice(-5))}`);
    await once(lines, "line", { signal: deadline }).catch(() => undefined);
  }
}

/** Waits until the gateway has passed on the 200 to this address's INVITE, and gives the Call-ID. */
async function established(address: string, from: number): Promise<unknown> {
  const line = await logged(`a call of ${address}`, (each) => {
    return (
      each["requestUri"] === address &&
      each["method"] === "INVITE" &&
      each["status"] === 200 &&
      log.indexOf(each) >= from
    );
  });
  return line["callId"];
}

/** The same for the BYE of that call. */
async function ended(callId: unknown): Promise<void> {
  await logged(`the end of ${callId}`, (line) => {
    return line["callId"] === callId && line["method"] === "BYE" && line["status"] === 200;
  });
}

/** Plays a call to each address with one sipp, and looks into the gateway's log for each of them. */
async function sippCalls(
  t: Test,
  addresses: readonly string[],
  via: { readonly transport: SippTransport; readonly family: 4 | 6; readonly port: number },
): Promise<void> {
  const { transport, family, port } = via;
  const from = log.length;
  const list = await folder.put(`addresses-${from}.csv`, `SEQUENTIAL\n${addresses.join("\n")}\n`);
  const to = { address: LOOPBACK[family], port };
  await play(t, {
    ...{ scenario: "caller-plain", transport, address: LOOPBACK[family], to, calls: addresses.length },
    options: ["-inf", list, "-l", "10"],
  });
  for (const address of addresses) await ended(await established(address, from));
  t.pass(`${addresses.length} calls are set up and ended`);
}

const roomNames = rooms.flatMap((side) => [`kamailio-${nameOf(side)}.contoso.com`, contactHost(side.port)]);
await kamailioPool(t, rooms, { ca: ca.pem, issued: await ca.issue({ dns: roomNames, ips }) });
const edgeCertificate = await ca.issue({ dns: ["fe01.contoso.com"], ips });
await kamailioFrontEnd(t, edgeSides, { ca: ca.pem, issued: edgeCertificate }, ways);
t.test("Kamailio as front end to Kamailio as pool, over each of their transports, mutual TLS too", async (t) => {
  const to = [...pools.keys()].filter((name) => name.startsWith("kamailio"));
  const addresses = SIDES.flatMap((from) => to.map((pool) => `sip:${nameOf(from)}.${pool}@contoso.com`));
  const { port } = edgeSides.find((side) => nameOf(side) === "udp4")!;
  await sippCalls(t, addresses, { transport: "udp", family: 4, port });
});

for (const way of ways) {
  const { transport, family, port } = way;
  if (transport === "tls") continue;
  t.test(`sipp over ${nameOf(way)} to Kamailio, over each of their transports`, async (t) => {
    const to = [...pools.keys()].filter((name) => name.startsWith("kamailio"));
    await sippCalls(
      t,
      to.map((pool) => `sip:sipp.${pool}@contoso.com`),
      { transport, family, port },
    );
  });
}

t.test("sipp as pool over UDP and TCP, IPv4 and IPv6, called by Kamailio over mutual TLS", async (t) => {
  const { port } = edgeSides.find((side) => nameOf(side) === "udp4")!;
  for (const { transport, family, port: at } of sippPools) {
    const from = log.length;
    const address = `sip:tls6.sipp-${transport}${family}@contoso.com`;
    const list = await folder.put(`to-sipp-${transport}${family}.csv`, `SEQUENTIAL\n${address}\n`);
    const to = { address: "127.0.0.1", port };
    await play(
      t,
      { scenario: "caller-plain", transport: "udp", to, options: ["-inf", list] },
      { scenario: "pool-answers", transport: transport as SippTransport, address: LOOPBACK[family], port: at },
    );
    await ended(await established(address, from));
  }
});

for (const way of ways) {
  // Over TLS and IPv6 everybody needs a certificate here.
  if (nameOf(way) === "tls6") continue;
  t.test(`baresip calls over ${nameOf(way)}, hears the pool over another transport, and hangs up`, async (t) => {
    const from = log.length;
    const address = "sip:baresip.kamailio-tls6@contoso.com";
    const [transport, ...place] = targetOf(way).split(":");
    const agent = await baresip(t, {
      accounts: [`<sip:alice@contoso.com>;regint=0;outbound="sip:${place.join(":")};transport=${transport}"`],
      ...{ address: LOOPBACK[way.family], port: await freePort(2), ca: ca.pem, dial: address },
    });
    await agent.printed(/Call established/i);
    const callId = await established(address, from);
    agent.kill();
    await ended(callId);
  });
}

for (const transport of ["udp", "tcp", "tls"] as const) {
  t.test(`baresip takes a call over ${transport}`, async (t) => {
    const pool = `baresip-${transport}`;
    const phone = await baresip(t, {
      accounts: [`<sip:sipp.${pool}@127.0.0.1;transport=${transport}>;regint=0;answermode=auto`],
      ...{ port: phonePort, ca: ca.pem },
      issued: await ca.issue({ dns: ["baresip-tls.contoso.com"], ips }),
    });
    await phone.listens("127.0.0.1", phonePort + 1);
    const { port } = wayOf("tcp6");
    await sippCalls(t, [`sip:sipp.${pool}@contoso.com`], { transport: "tcp", family: 6, port });
    phone.kill();
    await phone.ended;
  });
}

for (const transport of ["ws", "wss"] as const) {
  t.test(`sip.js calls a Kamailio pool over ${transport}, over each of the pool's transports`, async (t) => {
    const { port } = gateway.listeners.find((listener) => listener.transport === transport)!;
    const agent = await sipJsAgent(t, { server: `${transport}://127.0.0.1:${port}`, ca: ca.pem });
    for (const side of rooms) {
      const from = log.length;
      const address = `sip:sipjs.kamailio-${nameOf(side)}@contoso.com`;
      const session = new Inviter(agent, uri(address));
      await session.invite();
      await reaches(session, SessionState.Established);
      const callId = await established(address, from);
      t.equal(await answered((requestDelegate) => session.info({ requestDelegate })), 200);
      t.equal(await answered((requestDelegate) => session.bye({ requestDelegate })), 200);
      await ended(callId);
    }
  });
}

for (const transport of ["udp", "tcp"] as const) {
  t.test(`sipsak asks a pool with OPTIONS over ${transport}`, async (t) => {
    const words = ["-v", "-E", transport, "-p", `127.0.0.1:${wayOf(`${transport}4`).port}`];
    const asked = await Program.start(t, "sipsak", {}, () => [...words, "-s", "sip:sipsak.kamailio-tls4@contoso.com"]);
    t.equal(await asked.ended, 0, asked.output);
  });
}

for (const [version, words] of [
  ["TLS 1.2", ["-tls1_2"]],
  ["TLS 1.3", ["-tls1_3"]],
] as const) {
  t.test(`OpenSSL's own client sets up ${version} and takes our chain`, async (t) => {
    const at = `127.0.0.1:${wayOf("tls4").port}`;
    const checks = ["-CAfile", join(folder.path, "ca.pem"), "-verify_return_error", "-verify_ip", "127.0.0.1"];
    const client = await Program.start(t, "openssl", {}, () => ["s_client", "-connect", at, ...words, ...checks]);
    await client.printed(/Verify return code: 0 \(ok\)/);
    client.says("Q");
  });
}

t.test("a hello of TLS 1.0 by OpenSSL's own client is refused with the reason", async (t) => {
  const at = `127.0.0.1:${wayOf("tls4").port}`;
  const words = ["s_client", "-connect", at, "-tls1", "-cipher", "DEFAULT:@SECLEVEL=0"];
  const client = await Program.start(t, "openssl", {}, () => words);
  t.not(await client.ended, 0);
  const line = await logged("the refused handshake", ({ kind }) => kind === "handshake");
  t.match(line["detail"], /offers TLS 1\.0 at most, less than TLS 1\.2; `legacy: true` on the listener allows it/);
});
