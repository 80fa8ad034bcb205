import { once } from "node:events";
import net from "node:net";
import t from "tap";
import { type Misbehaviour, SamplePool } from "../../src/demo/sample-pool.ts";
import { probePool } from "../../src/doctor/reach.ts";
import { row } from "../endpoints/row.ts";
import { closedPort, examined, reaching } from "./examined.ts";

const FREE = { address: "127.0.0.1", port: 0 };
const CALL = { call: "sip:tester@contoso.com" };

async function pool(t: Parameters<typeof reaching>[0], misbehave: Misbehaviour = {}): Promise<SamplePool> {
  const sample = new SamplePool({ listen: FREE, misbehave });
  await sample.start();
  t.teardown(() => sample.close());
  return sample;
}

const names = ({ all }: { all: readonly { name: string }[] }) => all.map(({ name }) => name);

t.test("a way that is free: each step with what was found and its time", async (t) => {
  const sample = await pool(t);
  const steps = await examined(await reaching(t, [sample.address]), [row()], CALL);
  const place = `tcp:127.0.0.1:${sample.address.port}`;
  t.match(steps.all, [
    { name: "table", outcome: "ok", detail: "sip:ocschat@contoso.com leads to pcpool.contoso.com (proxy, version 1)" },
    { name: "resolve", outcome: "ok", detail: `pcpool.contoso.com is ${place}` },
    { name: "connect", outcome: "ok", detail: `connected to ${place}`, ms: Number },
    { name: "options", outcome: "ok", detail: `${place} speaks SIP: 200 OK` },
    { name: "call", outcome: "ok", detail: `look-up call to the pool at ${place}: 200 OK` },
  ]);
  t.ok(steps.ok);
  t.match(sample.stats, { invites: 1, dialogs: 0 }, "the dialog is ended again");
});

t.test("without a test identity no call is made", async (t) => {
  const sample = await pool(t);
  t.same(names(await examined(await reaching(t, [sample.address]))), ["table", "resolve", "connect", "options"]);
  t.equal(sample.stats.invites, 0);
});

t.test("an address that is no endpoint, a disabled and a retired one end it, with what to do", async (t) => {
  const reach = await reaching(t, []);
  for (const [endpoints, detail, fix] of [
    [[], "OCSChat@contoso.com is no endpoint of the table", "waypost endpoint add OCSChat@contoso.com POOL"],
    [[row({ enabled: false })], /is disabled: its callers get 480/, "--enable"],
    [[row({ retired: 410 })], /is retired: its callers get 410/, "--no-retired"],
  ] as const) {
    const steps = await examined(reach, endpoints);
    t.match(steps.all, [{ name: "table", outcome: "failed", detail, fix }]);
    t.equal(steps.all.length, 1);
    t.notOk(steps.ok);
  }
});

t.test("a name that nobody knows, and a transport without a listener", async (t) => {
  const reach = await reaching(t, []);
  t.match((await examined(reach, [row({ poolFqdn: "nowhere.contoso.com" })])).all.at(-1), {
    name: "resolve",
    outcome: "failed",
    detail: /nowhere\.contoso\.com|no DNS/,
    fix: /DNS or in `resolve\.hosts`/,
  });
  t.match((await examined(reach, [row({ poolFqdn: "192.0.2.1", transport: "udp" })])).all.at(-1), {
    name: "resolve",
    outcome: "failed",
    fix: /Add such a listener/,
  });
});

t.test("a place in resolve.hosts that the gateway has no listener for", async (t) => {
  const reach = await reaching(t, [{ transport: "udp", address: "192.0.2.1", port: 5060 }]);
  t.match((await examined(reach)).all.at(-1), {
    name: "resolve",
    outcome: "failed",
    detail: "no udp listener reaches pcpool.contoso.com at 192.0.2.1",
    fix: /Add such a listener/,
  });
});

t.test("every address of the pool is looked at, and those of the backup pool", async (t) => {
  const sample = await pool(t);
  const dead = await closedPort();
  const endpoints = [row({ backupPool: "127.0.0.1", port: sample.address.port })];
  const steps = await examined(await reaching(t, [dead, sample.address]), endpoints);
  t.same(
    steps.all.map(({ name, outcome }) => `${name} ${outcome}`),
    ["table ok", "resolve ok", "connect failed", "connect ok", "options ok", "resolve ok", "connect ok", "options ok"],
  );
  t.match(steps.all[2], { detail: `connection refused by 127.0.0.1:${dead.port}`, fix: /service runs/ });
});

t.test("a port that takes connections and stays silent", async (t) => {
  const server = net.createServer((socket) => socket.on("error", () => undefined).resume());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.teardown(() => server.close());
  const { port } = server.address() as net.AddressInfo;
  const reach = await reaching(t, [{ address: "127.0.0.1", port }], 300);
  t.match((await examined(reach)).all.at(-1), {
    name: "options",
    outcome: "failed",
    detail: /^no answer to the OPTIONS within 300 ms/,
    fix: /does not speak SIP/,
  });
  t.match(await probePool({ host: "pcpool.contoso.com", port: undefined, transport: "auto" }, reach), {
    kind: "silent",
    reason: /no answer to the OPTIONS/,
  });
});

t.test(
  "a call that the pool refuses is told with its reason and an advice; one that is not answered is cancelled",
  async (t) => {
    const sample = await pool(t, { invite: 403 });
    const reach = await reaching(t, [sample.address]);
    t.match((await examined(reach, [row()], CALL)).all.at(-1), {
      name: "call",
      outcome: "failed",
      detail: /^INVITE to the pool at .*: 403 Refused By Sample Pool/,
      fix: /does not let sip:tester@contoso\.com in/,
    });
    sample.misbehave = { invite: "silent" };
    t.match((await examined(reach, [row()], { ...CALL, callWithinMs: 300 })).all.at(-1), {
      name: "call",
      outcome: "failed",
      detail: /no answer to the INVITE within 300 ms/,
    });
  },
);

t.test("with requestUri pool the call goes to user@pool", async (t) => {
  const sample = await pool(t);
  const steps = await examined(await reaching(t, [sample.address]), [row({ requestUri: "pool" })], CALL);
  t.ok(steps.ok);
});

t.test("UDP: an answer is waited for, and a port where nobody listens is told", async (t) => {
  const { createSocket } = await import("node:dgram");
  const server = createSocket("udp4");
  server.on("message", (bytes, { port, address }) => {
    const copied = bytes.toString().match(/^(Via|From|To|Call-ID|CSeq): .*$/gm) ?? [];
    server.send(`SIP/2.0 405 Method Not Allowed\r\n${copied.join("\r\n")}\r\nContent-Length: 0\r\n\r\n`, port, address);
  });
  server.bind(0, "127.0.0.1");
  await once(server, "listening");
  const place = { transport: "udp" as const, address: "127.0.0.1", port: server.address().port };
  t.match((await examined(await reaching(t, [place], 10_000, ["udp"]))).all.at(-1), {
    name: "options",
    outcome: "ok",
    detail: /405 Method Not Allowed/,
  });
  server.close();
  await once(server, "close");
  t.match((await examined(await reaching(t, [place], 10_000, ["udp"]))).all.at(-1), {
    outcome: "failed",
    detail: `connection refused by 127.0.0.1:${place.port}`,
  });
});

t.test("a quick probe: the first address that answers settles it; all that fails is told", async (t) => {
  const sample = await pool(t);
  const dead = await closedPort();
  const place = { host: "pcpool.contoso.com", port: undefined, transport: "auto" } as const;
  t.match(await probePool(place, await reaching(t, [dead, sample.address])), {
    kind: "answers",
    target: { port: sample.address.port },
  });
  t.match(await probePool(place, await reaching(t, [dead, dead])), {
    kind: "silent",
    reason: `connection refused by 127.0.0.1:${dead.port}; connection refused by 127.0.0.1:${dead.port}`,
  });
  t.match(await probePool({ ...place, host: "nowhere.contoso.com" }, await reaching(t, [])), { kind: "silent" });
});
