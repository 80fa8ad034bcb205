import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { Writable } from "node:stream";
import { pino } from "pino";
import t, { type Test } from "tap";
import { EndpointTable } from "../../src/endpoints/table.ts";
import { DrachtioEngine } from "../../src/engine/drachtio/drachtio-engine.ts";
import type { Pace } from "../../src/engine/drachtio/pace.ts";
import { tapCallLog } from "../../src/observe/call-log.ts";
import { Taps } from "../../src/observe/channels.ts";
import { decide } from "../../src/routing/route.ts";
import { row } from "../endpoints/row.ts";
import { configOf } from "../engine/config.ts";
import { invite, newCallId } from "../live/requests.ts";
import { SipNode } from "../live/sip-node.ts";
import { Authority, Folder } from "../support/certificates.ts";
import { eventually } from "../support/eventually.ts";
import { freePort } from "../support/free-port.ts";
import { ScriptedServer } from "./scripted-server.ts";

/** Everything soon, so that the tests need not wait; the product's own values are in pace.ts. */
const QUICK: Partial<Pace> = { pingMs: 50, answerMs: 400, retryMs: 10, maxRetryMs: 80 };
/** For tests of servers that say nothing. Elsewhere a busy machine would be taken for one. */
const IMPATIENT: Partial<Pace> = { acceptMs: 400, silentMs: 400 };

interface Line {
  readonly msg: string;
  readonly level: number;
  readonly [field: string]: unknown;
}

interface Setup {
  readonly servers?: readonly number[];
  readonly drachtio?: Readonly<Record<string, unknown>>;
  readonly pace?: Partial<Pace>;
  readonly sipPort?: number;
  readonly pool?: string;
}

/** An engine with a table of one endpoint in redirect mode and one in proxy mode, and its log. */
async function started(t: Test, { servers = [], drachtio, pace, sipPort = 5060, pool }: Setup) {
  const log: Line[] = [];
  const sink = new Writable({
    write(chunk, _, done) {
      log.push(JSON.parse(String(chunk)) as Line);
      done();
    },
  });
  const config = configOf(t, {
    listen: [{ transport: "udp", host: "127.0.0.1", port: sipPort }],
    engine: "drachtio",
    drachtio: { servers: servers.map((port) => `127.0.0.1:${port}`), secret: "cymru", ...drachtio },
    resolve: { hosts: pool === undefined ? {} : { "pcpool.contoso.com": [pool] } },
  });
  const table = new EndpointTable({
    revision: 1,
    endpoints: [row({ mode: "redirect" }), row({ sipAddress: "sip:channel@contoso.com" })],
  });
  const logger = pino({ level: "debug" }, sink);
  const engine = await DrachtioEngine.start({
    config,
    log: logger,
    decide: (request) => decide(request, table, { defaultRoute: "reject" }),
    pace: { ...QUICK, ...pace },
  });
  t.teardown(() => engine.close());
  const taps = new Taps(engine.listeners);
  t.teardown(() => taps.close());
  tapCallLog(taps, logger);
  const logged = (msg: string, fits: (line: Line) => boolean = () => true): Promise<Line> => {
    return eventually(`the log says: ${msg}`, () => log.find((line) => line.msg === msg && fits(line)));
  };
  return { engine, config, log, logged };
}

/** The status of a call to the endpoint in redirect mode. */
async function dialled(t: Test, sipPort: number): Promise<number> {
  const caller = await SipNode.start(t);
  const link = await caller.to({ transport: "udp", address: "127.0.0.1", port: sipPort });
  const callId = newCallId();
  link.send(invite(link, { to: "sip:ocschat@contoso.com", callId }));
  return (await caller.answer("1 INVITE", callId)).status;
}

/** A TCP listener that does what a test wants with each connection. */
async function listener(t: Test, take: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on("error", () => {}));
    take(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

t.test("a server that is away at the start is dialled until it is there", async (t) => {
  const port = await freePort();
  const { engine, logged } = await started(t, { servers: [port] });
  const line = await logged("drachtio-server is not connected");
  t.match(line, { server: `127.0.0.1:${port}`, reason: /ECONNREFUSED/, remedy: /see that drachtio-server runs/ });
  t.match(engine.fault, `drachtio-server 127.0.0.1:${port}: connect ECONNREFUSED`);
  const server = await ScriptedServer.start({ port });
  t.teardown(() => server.stop());
  await eventually("it is connected", () => engine.fault === undefined || undefined);
  t.equal(await dialled(t, server.sipPort), 302);
});

t.test("the wait between attempts grows, and not beyond its bound; the trouble is told of once", async (t) => {
  const port = await freePort();
  const { log } = await started(t, { servers: [port] });
  const tries = await eventually("eight attempts", () => {
    const lines = log.filter(({ msg }) => msg === "drachtio-server is not connected");
    return lines.length >= 8 ? lines : undefined;
  });
  const waits = tries.map(({ retryInMs }) => retryInMs as number);
  t.ok(waits[0]! <= 10 && waits[0]! >= 8, `starts small: ${waits}`);
  t.ok(waits.at(-1)! >= 64 && waits.every((wait) => wait <= 80), `grows to its bound: ${waits}`);
  t.equal(tries.filter(({ level }) => level >= 50).length, 1);
});

t.test("a wrong secret ends the start with an error that names the remedy", async (t) => {
  const server = await ScriptedServer.start({ secret: "other" });
  t.teardown(() => server.stop());
  await t.rejects(started(t, { servers: [server.adminPort] }), {
    code: "ENGINE_REFUSED",
    message: `drachtio-server 127.0.0.1:${server.adminPort} refused the secret`,
    remedy: /secret in the <admin>/,
  });
  const asked = server.heard.filter(({ words }) => words[0] === "authenticate").length;
  t.equal(asked, 1, "it was tried once");
});

t.test("a secret that became wrong is not tried again before a reload brings another one", async (t) => {
  const port = await freePort();
  const server = await ScriptedServer.start({ port });
  const { engine, config, logged } = await started(t, { servers: [port] });
  await server.stop();
  const other = await ScriptedServer.start({ port, secret: "new" });
  t.teardown(() => other.stop());
  const line = await logged("drachtio-server refused us");
  t.match(line.remedy, /make drachtio\.secret the secret of the server's <admin>, then reload/);
  t.match(engine.fault, /refused the secret/);
  const asked = () => other.heard.filter(({ words }) => words[0] === "authenticate").length;
  const before = asked();
  const secretFile = join(t.testdir({}), "secret");
  await writeFile(secretFile, "new\n");
  t.equal(asked(), before);
  const { secret: _, ...drachtio } = config.drachtio!;
  await engine.reload({ ...config, drachtio: { ...drachtio, secretFile } });
  await eventually("it is connected", () => engine.fault === undefined || undefined);
  t.equal(await dialled(t, other.sipPort), 302);
});

t.test("of two servers one may refuse or be away: the other one serves", async (t) => {
  const good = await ScriptedServer.start();
  const bad = await ScriptedServer.start({ secret: "other" });
  t.teardown(() => Promise.all([good.stop(), bad.stop()]));
  const { engine, logged } = await started(t, { servers: [bad.adminPort, good.adminPort] });
  await logged("drachtio-server refused us", ({ server }) => server === `127.0.0.1:${bad.adminPort}`);
  t.equal(engine.fault, undefined);
  t.equal(await dialled(t, good.sipPort), 302);
});

t.test("a server that restarts is dialled again and asked for requests again", async (t) => {
  const server = await ScriptedServer.start();
  t.teardown(() => server.stop());
  const { logged } = await started(t, { servers: [server.adminPort] });
  const asked = (times: number) => () => {
    return server.heard.filter(({ words }) => words.join(" ") === "route invite").length >= times || undefined;
  };
  await eventually("it has asked for INVITE", asked(1));
  server.drop();
  t.match(await logged("drachtio-server is not connected"), {
    reason: /the connection was closed by the other side|ECONNRESET/,
    remedy: /it is dialled again/,
  });
  await eventually("it has asked for INVITE again", asked(2));
  t.equal(await dialled(t, server.sipPort), 302);
  const routes = server.heard.filter(({ words }) => words[0] === "route").map(({ words }) => words[1]);
  t.equal(new Set(routes).size * 2, routes.length, "each method once for each connection");
});

t.test("a server that falls silent on an open connection is noticed", async (t) => {
  const server = await ScriptedServer.start();
  t.teardown(() => server.stop());
  const { engine, logged } = await started(t, { servers: [server.adminPort], pace: IMPATIENT });
  t.equal(engine.fault, undefined);
  server.hangs = true;
  t.match(await logged("drachtio-server is not connected", ({ reason }) => /has said nothing for/.test(`${reason}`)), {
    remedy: /see that this is drachtio-server's admin port/,
  });
});

t.test("pings keep a quiet connection up", async (t) => {
  const server = await ScriptedServer.start();
  t.teardown(() => server.stop());
  const { log } = await started(t, { servers: [server.adminPort], pace: { silentMs: 5000 } });
  await eventually(
    "ten pings",
    () => server.heard.filter(({ words }) => words[0] === "ping").length >= 10 || undefined,
  );
  t.notOk(log.some(({ msg }) => msg === "drachtio-server is not connected"));
});

t.test("something that accepts connections and says nothing, or no sense, is not waited for", async (t) => {
  const silent = await listener(t, () => {});
  const chatty = await listener(t, (socket) => void socket.write("SSH-2.0-OpenSSH_9.2\r\n"));
  const nonsense = await listener(t, (socket) => void socket.write("x#y#z#"));
  const { logged } = await started(t, { servers: [silent, chatty, nonsense], pace: IMPATIENT });
  for (const port of [silent, chatty]) {
    await logged("drachtio-server is not connected", ({ server, reason }) => {
      return server === `127.0.0.1:${port}` && /said nothing for 400 ms/.test(`${reason}`);
    });
  }
  await logged("drachtio-server is not connected", ({ server }) => server === `127.0.0.1:${nonsense}`);
});

t.test("what was under way when the server went is settled", async (t) => {
  const server = await ScriptedServer.start();
  const pool = await SipNode.start(t);
  const setup = { servers: [server.adminPort], sipPort: server.sipPort, pool: pool.target("udp") };
  const { engine, logged } = await started(t, setup);
  const caller = await SipNode.start(t);
  const link = await caller.to({ transport: "udp", address: "127.0.0.1", port: server.sipPort });
  link.send(invite(link, { to: "sip:channel@contoso.com", callId: "pending-1" }));
  await pool.request("INVITE", "pending-1");
  t.equal(engine.unanswered, 1);
  await server.stop();
  t.match(await logged("a request got no answer"), {
    callId: "pending-1",
    status: 0,
    reason: /the connection to drachtio-server ended/,
  });
  t.equal(engine.unanswered, 0);
});

t.test("an answer that the server does not confirm is given up in time", async (t) => {
  const server = await ScriptedServer.start();
  t.teardown(() => server.stop());
  const setup = { servers: [server.adminPort], pace: { silentMs: 60_000, answerMs: 100 } };
  const { engine, logged } = await started(t, setup);
  const caller = await SipNode.start(t);
  const link = await caller.to({ transport: "udp", address: "127.0.0.1", port: server.sipPort });
  server.confirms = false;
  link.send(invite(link, { to: "sip:ocschat@contoso.com", callId: "slow-1" }));
  t.match(await logged("a request got no answer"), { reason: /did not confirm the answer within 100 ms/ });
  t.equal(engine.unanswered, 0);
});

t.test("over TLS, also after the connection was lost", async (t) => {
  const authority = await Authority.make();
  const { cert, key } = await authority.issue({ dns: ["drachtio01.contoso.com"] });
  const ca = await (await Folder.make(t)).put("ca.pem", authority.pem);
  const server = await ScriptedServer.start({ tls: { cert, key } });
  t.teardown(() => server.stop());
  const tls = { ca, servername: "drachtio01.contoso.com" };
  const { engine } = await started(t, { servers: [server.adminPort], drachtio: { tls } });
  t.equal(engine.fault, undefined);
  server.drop();
  await eventually("it was dialled again", () => {
    return server.heard.filter(({ words }) => words[0] === "authenticate").length >= 2 || undefined;
  });
  await eventually("it is connected", () => engine.fault === undefined || undefined);
  t.equal(await dialled(t, server.sipPort), 302);
});

t.test("a server whose certificate is another's is not told the secret", async (t) => {
  const authority = await Authority.make();
  const { cert, key } = await authority.issue({ dns: ["other.contoso.com"] });
  const ca = await (await Folder.make(t)).put("ca.pem", authority.pem);
  const server = await ScriptedServer.start({ tls: { cert, key } });
  t.teardown(() => server.stop());
  const tls = { ca, servername: "drachtio01.contoso.com" };
  const { logged } = await started(t, { servers: [server.adminPort], drachtio: { tls } });
  await logged("drachtio-server is not connected", ({ reason }) => /does not match|altnames/i.test(`${reason}`));
  t.equal(server.heard.length, 0);
});

t.test("servers may connect to us, one connection for each request", async (t) => {
  const server = await ScriptedServer.start();
  t.teardown(() => server.stop());
  const port = await freePort();
  await started(t, { drachtio: { listen: `127.0.0.1:${port}` } });
  server.callOut = { port };
  t.equal(await dialled(t, server.sipPort), 302);
  t.equal(await dialled(t, server.sipPort), 302);
  t.notOk(
    server.heard.some(({ words }) => words[0] === "route"),
    "no methods are asked for on such a connection",
  );
  await eventually("the connections are closed", () => server.apps === 0 || undefined);
});

t.test("a server that connects to us and refuses our secret is told of", async (t) => {
  const server = await ScriptedServer.start({ secret: "other" });
  t.teardown(() => server.stop());
  const port = await freePort();
  const { logged } = await started(t, { drachtio: { listen: `127.0.0.1:${port}` } });
  server.callOut = { port };
  const caller = await SipNode.start(t);
  const link = await caller.to({ transport: "udp", address: "127.0.0.1", port: server.sipPort });
  link.send(invite(link, { to: "sip:ocschat@contoso.com" }));
  t.match(await logged("a drachtio-server cannot use us"), {
    reason: "it refused the secret",
    remedy: /drachtio\.secret/,
  });
});

t.test("a server that listens elsewhere than the configuration says is told of", async (t) => {
  const server = await ScriptedServer.start({ claims: "udp/127.0.0.1:5070,tcp/127.0.0.1:5060" });
  t.teardown(() => server.stop());
  const { logged } = await started(t, { servers: [server.adminPort] });
  const line = await logged("drachtio-server does not listen where `listen` says");
  t.match(line, { missing: "udp/127.0.0.1:5060", remedy: /<contacts> in drachtio\.conf\.xml/ });
});

t.test("an engine that leaves gets no new requests, and the call that it had proxied goes on", async (t) => {
  const server = await ScriptedServer.start();
  t.teardown(() => server.stop());
  const pool = await SipNode.start(t);
  const setup = { servers: [server.adminPort], sipPort: server.sipPort, pool: pool.target("udp") };
  const { engine } = await started(t, setup);
  const caller = await SipNode.start(t);
  const link = await caller.to({ transport: "udp", address: "127.0.0.1", port: server.sipPort });
  link.send(invite(link, { to: "sip:channel@contoso.com", callId: "ringing-1" }));
  const ringing = await pool.request("INVITE", "ringing-1");
  engine.leave();
  t.equal(engine.underWay, 0);
  await eventually("the server asks nobody", async () =>
    (await dialled(t, server.sipPort)) === 503 ? true : undefined,
  );
  await engine.close();
  ringing.link.send(ringing.message.reply("200 OK"));
  t.equal((await caller.answer("1 INVITE", "ringing-1")).status, 200);
});

t.test("an INVITE that the engine cannot send as its row says gets 480 that says why", async (t) => {
  const server = await ScriptedServer.start();
  t.teardown(() => server.stop());
  const drachtio = { dnsNames: ["contoso.com"] };
  await started(t, { servers: [server.adminPort], drachtio });
  const caller = await SipNode.start(t);
  const link = await caller.to({ transport: "udp", address: "127.0.0.1", port: server.sipPort });
  const asked = async (to: string, method = "INVITE") => {
    const callId = newCallId();
    link.send(invite(link, { to, callId }).replaceAll("INVITE", method));
    return caller.answer(`1 ${method}`, callId);
  };
  const kept = await asked("sip:channel@contoso.com");
  t.equal(kept.status, 480);
  t.match(
    kept.one("Warning"),
    /cannot serve sip:channel@contoso\.com: drachtio-server puts the pool into this Request-URI/,
  );
  const subscribe = await asked("sip:channel@contoso.com", "SUBSCRIBE");
  t.equal(subscribe.status, 480);
  t.match(subscribe.one("Warning"), /it proxies INVITE only, and this is SUBSCRIBE/);
});
