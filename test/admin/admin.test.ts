import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, get } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { hostname } from "node:os";
import { join } from "node:path";
import t, { type Test } from "tap";
import { loadConfig } from "../../src/config/load.ts";
import { type Gateway, startGateway } from "../../src/daemon.ts";
import { createLog } from "../../src/observe/log.ts";
import type { ReadinessReport } from "../../src/observe/readiness.ts";
import { RawPeer } from "../interop/raw-peer.ts";
import { Folder } from "../support/certificates.ts";
import { eventually } from "../support/eventually.ts";
import { type Row, tableText } from "../support/gateway.ts";
import { udpEnvironment } from "../support/udp-form.ts";

interface Setup {
  readonly endpoints?: readonly Row[];
  /** null = none. */
  readonly admin?: object | null;
  readonly hosts?: object;
}

/** A gateway in this process, with an administration on a free port unless the setup says otherwise. */
async function gatewayWith(t: Test, { endpoints = [], admin = { port: 0 }, hosts = {} }: Setup = {}) {
  const folder = await Folder.make(t);
  await folder.put("endpoints.json", tableText(endpoints));
  const listen = [{ transport: "tcp", host: "127.0.0.1", port: 0 }];
  await folder.put("waypost.yaml", JSON.stringify({ listen, resolve: { hosts }, ...(admin && { admin }) }));
  const config = loadConfig({ file: join(folder.path, "waypost.yaml"), env: udpEnvironment, cwd: folder.path });
  const gateway = await startGateway(config, createLog("silent"));
  t.teardown(() => gateway.stop());
  return gateway;
}

function ask(gateway: Gateway, path: string, init: RequestInit = {}): Promise<Response> {
  return fetch(`http://127.0.0.1:${gateway.admin!.port}${path}`, init);
}

/** The value of one series of the metrics page; undefined where there is none. */
async function metric(gateway: Gateway, series: string): Promise<number | undefined> {
  const page = await (await ask(gateway, "/metrics")).text();
  const line = page.split("\n").find((candidate) => candidate.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.slice(series.length + 1));
}

/** Calls an address and gives the status that came back. */
async function call(t: Test, gateway: Gateway, uri: string, callId: string): Promise<number> {
  const { peer, link } = await RawPeer.connected(t, "tcp", gateway.listeners[0]!, "");
  link.send(
    `${[
      `INVITE ${uri} SIP/2.0`,
      `Via: SIP/2.0/TCP ${link.local};branch=z9hG4bK-${callId}`,
      "Max-Forwards: 70",
      'From: "Alice" <sip:alice@contoso.com>;tag=f1',
      `To: <${uri}>`,
      `Call-ID: ${callId}`,
      "CSeq: 1 INVITE",
      "Content-Length: 0",
    ].join("\r\n")}\r\n\r\n`,
  );
  return (await peer.answer("1 INVITE", callId)).status;
}

const ROWS: Row[] = [
  { sipAddress: "sip:ocschat@contoso.com", poolFqdn: "pcpool.contoso.com", mode: "redirect" },
  { sipAddress: "sip:quiet@contoso.com", poolFqdn: "pcpool.contoso.com" },
  { sipAddress: "sip:gone@contoso.com", poolFqdn: "pcpool.contoso.com", retired: 410 },
];

t.test("a gateway that serves calls is alive and ready", async (t) => {
  const gateway = await gatewayWith(t, { endpoints: ROWS, admin: { port: 0, names: ["monitoring.example"] } });
  t.same(await (await ask(gateway, "/livez")).json(), { alive: true });
  const ready = await ask(gateway, "/readyz");
  t.equal(ready.status, 200);
  const { ready: isReady, checks } = (await ready.json()) as ReadinessReport;
  t.ok(isReady);
  t.same(
    checks.map(({ name, ok }) => [name, ok]),
    ["drain", "table", "engine", "pools"].map((name) => [name, true]),
  );

  await t.test("every row has its series, called or not", async (t) => {
    t.equal(await call(t, gateway, "sip:OCSChat@contoso.com", "one"), 302);
    t.equal(await call(t, gateway, "sip:gone@contoso.com", "two"), 410);
    const of = (name: string, result: string) =>
      metric(gateway, `waypost_endpoint_requests_total{endpoint="sip:${name}@contoso.com",result="${result}"}`);
    t.equal(await of("ocschat", "answered"), 1);
    t.equal(await of("ocschat", "failed"), 0);
    t.equal(await of("gone", "failed"), 1);
    t.equal(await of("quiet", "answered"), 0);
    t.equal(await of("quiet", "failed"), 0);
    const lastOf = (name: string) =>
      metric(gateway, `waypost_endpoint_last_request_timestamp_seconds{endpoint="sip:${name}@contoso.com"}`);
    t.equal(await lastOf("quiet"), 0);
    t.ok((await lastOf("ocschat"))! > 1e9);
    t.equal(await metric(gateway, 'waypost_requests_total{method="INVITE",decision="redirect",code="302"}'), 1);
  });

  await t.test("who used an address is told, in whatever case it is asked for", async (t) => {
    const { callers } = (await (await ask(gateway, "/callers?endpoint=OCSCHAT@contoso.com")).json()) as {
      callers: object[];
    };
    t.equal(callers.length, 1);
    t.match(callers[0], {
      endpoint: "sip:ocschat@contoso.com",
      caller: "sip:alice@contoso.com",
      requests: 1,
      lastStatus: 302,
      lastMethod: "INVITE",
      lastAt: /^\d{4}-\d\d-\d\dT/,
    });
  });

  await t.test("a row that is added has its series at once", async (t) => {
    const change = {
      kind: "add",
      endpoint: { sipAddress: "sip:new@contoso.com", poolFqdn: "pcpool.contoso.com" },
    } as const;
    await gateway.store.change([change], { name: "test", source: "cli" });
    const series = 'waypost_endpoint_requests_total{endpoint="sip:new@contoso.com",result="answered"}';
    while ((await metric(gateway, series)) === undefined);
    t.equal(await metric(gateway, series), 0);
  });

  await t.test(
    "an event loop that keeps time is shown as late by less than the time between two looks at it",
    async (t) => {
      const delay = await eventually("a reading of a loop that is not late", async () => {
        const median = await metric(gateway, 'waypost_event_loop_delay_seconds{quantile="0.5"}');
        return median !== undefined && median < 0.02 ? median : undefined;
      });
      t.ok(delay >= 0 && delay < 0.02);
    },
  );

  await t.test("docs/metrics.md lists every metric with its type and meaning, and no other", async (t) => {
    const text = await (await ask(gateway, "/metrics")).text();
    const types = new Map([...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => [name, type]));
    const served = [...text.matchAll(/^# HELP (\S+) (.+)$/gm)].map(([, name, help]) => [name, types.get(name!), help]);
    const page = readFileSync("docs/metrics.md", "utf8");
    const listed = [...page.matchAll(/^\| `(waypost_\w+)` \| (\w+) \| [\w, ]*\| (.+) \|$/gm)].map((row) =>
      row.slice(1),
    );
    t.same(listed.sort(), served.sort());
    t.ok(served.every(([name]) => name!.startsWith("waypost_")));
  });

  await t.test("what is not there is said as JSON", async (t) => {
    const answer = await ask(gateway, "/nothing");
    t.equal(answer.status, 404);
    t.match(await answer.json(), { error: { code: "NOT_FOUND" } });
  });

  await t.test("web pages are kept out, also by a name of their own that leads here", async (t) => {
    t.equal((await ask(gateway, "/callers", { headers: { origin: "https://evil.example" } })).status, 403);
    const { port } = gateway.admin!;
    const statusBy = async (name: string, path = "/callers"): Promise<number> => {
      const [answer] = await once(get({ port, path, headers: { host: `${name}:${port}` } }), "response");
      answer.resume();
      return answer.statusCode;
    };
    t.equal(await statusBy("evil.example"), 403);
    t.equal(await statusBy("evil.example", "/metrics"), 403);
    t.equal(await statusBy("evil.example", "/readyz"), 200);
    for (const name of ["localhost", "[::1]", "192.0.2.7", hostname(), "Monitoring.example"]) {
      t.equal(await statusBy(name), 200, name);
    }
  });
});

t.test("a table with more rows than may have series counts those that are called, and the rest together", async (t) => {
  const endpoints = ["a", "b", "c"].map((user) => ({
    sipAddress: `sip:${user}@contoso.com`,
    poolFqdn: "p.contoso.com",
    enabled: false,
  }));
  const gateway = await gatewayWith(t, { endpoints, admin: { port: 0, endpointSeries: 1 } });
  await call(t, gateway, "sip:b@contoso.com", "one");
  await call(t, gateway, "sip:c@contoso.com", "two");
  t.equal(await metric(gateway, "waypost_endpoint_series_limited"), 1);
  const failed = (name: string) =>
    metric(gateway, `waypost_endpoint_requests_total{endpoint="${name}",result="failed"}`);
  t.equal(await failed("sip:a@contoso.com"), undefined);
  t.equal(await failed("sip:b@contoso.com"), 1);
  t.equal(await failed("sip:c@contoso.com"), undefined);
  t.equal(await failed("(others)"), 1);
});

t.test("when no address of any pool works, the gateway is alive but not ready, and says why", async (t) => {
  const gone = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => gone.once("listening", resolve));
  const { port } = gone.address() as AddressInfo;
  await new Promise((resolve) => gone.close(resolve));
  const gateway = await gatewayWith(t, {
    endpoints: [{ sipAddress: "sip:ocschat@contoso.com", poolFqdn: "pcpool.contoso.com" }],
    hosts: { "pcpool.contoso.com": [`tcp:127.0.0.1:${port}`] },
  });
  t.equal(await call(t, gateway, "sip:ocschat@contoso.com", "down"), 500);
  const ready = await ask(gateway, "/readyz");
  t.equal(ready.status, 503);
  t.match(await ready.json(), { ready: false });
  const { checks } = (await (await ask(gateway, "/readyz")).json()) as ReadinessReport;
  const reason = "no address of any pool works: pcpool.contoso.com";
  t.same(
    checks.filter(({ ok }) => !ok),
    [{ name: "pools", ok: false, reason }],
  );
  t.equal((await ask(gateway, "/livez")).status, 200);
  t.equal(
    await metric(gateway, `waypost_pool_address_up{pool="pcpool.contoso.com",address="tcp:127.0.0.1:${port}"}`),
    0,
  );
});

t.test("an administration whose port is taken: the gateway does not start, and says which port", async (t) => {
  const other = createServer().listen(0, "127.0.0.1");
  t.teardown(() => other.close());
  await new Promise((resolve) => other.once("listening", resolve));
  const { port } = other.address() as AddressInfo;
  await t.rejects(gatewayWith(t, { admin: { port } }), {
    code: "ADMIN_FAILED",
    message: `the administration cannot be served at http://127.0.0.1:${port}: the port is taken, perhaps by another gateway on this machine`,
  });
});

t.test("a parameter that is given twice, or that nobody knows, is refused and does nothing", async (t) => {
  const gateway = await gatewayWith(t);
  for (const path of ["/callers?endpoint=sip:a&endpoint=b", "/callers?endpiont=sip:a@contoso.com"]) {
    t.equal((await ask(gateway, path)).status, 400, path);
  }
  t.equal((await ask(gateway, "/callers?endpoint=a")).status, 200);
});

t.test("without the group admin nothing is served", async (t) => {
  const gateway = await gatewayWith(t, { admin: null });
  t.equal(gateway.admin, undefined);
});

t.test("bans are listed with their reason and end, counted, and lifted one by one or all at once", async (t) => {
  const gateway = await gatewayWith(t);
  const { address, port } = gateway.listeners[0]!;
  for (let i = 0; i < 10; i++) {
    const socket = connect(port, address).on("error", () => undefined);
    socket.end("GET / HTTP/1.1\r\n\r\n");
    await once(socket, "close");
  }
  const { bans } = (await (await ask(gateway, "/bans")).json()) as { bans: Record<string, string>[] };
  t.match(bans, [
    { source: "127.0.0.1", why: "speaks HTTP or TLS where SIP is spoken", until: /^\d{4}-\d\d-\d\dT.*Z$/ },
  ]);
  t.equal(await metric(gateway, "waypost_bans"), 1);
  t.equal(await metric(gateway, "waypost_bans_total"), 1);
  const turnedAway = connect(port, address).on("error", () => undefined);
  await once(turnedAway, "close");
  t.equal(await metric(gateway, 'waypost_guard_refusals_total{reason="banned-connection"}'), 1);
  t.same(await (await ask(gateway, "/bans?address=192.0.2.1", { method: "DELETE" })).json(), { lifted: 0 });
  t.same(await (await ask(gateway, "/bans?address=127.0.0.1", { method: "DELETE" })).json(), { lifted: 1 });
  t.same(await (await ask(gateway, "/bans?all=true", { method: "DELETE" })).json(), { lifted: 0 });
  for (const mistaken of [
    "/bans",
    "/bans?address=nobody",
    "/bans?adress=127.0.0.1",
    "/bans?address=127.0.0.1&all=true",
  ]) {
    t.equal((await ask(gateway, mistaken, { method: "DELETE" })).status, 400, mistaken);
  }
  t.equal(await call(t, gateway, "sip:nobody@contoso.com", "after-the-ban"), 404);
});
