import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import t, { type Test } from "tap";
import { loadConfig } from "../../src/config/load.ts";
import { type Gateway, startGateway } from "../../src/daemon.ts";
import { createLog } from "../../src/observe/log.ts";
import { Authority, Folder } from "../support/certificates.ts";
import { freePort } from "../support/free-port.ts";
import { tableText } from "../support/gateway.ts";
import type { Message } from "../support/sip-text.ts";
import { udpForms } from "../support/udp-form.ts";
import { type Link, RawPeer, type Transport, written } from "./raw-peer.ts";

/**
 * Every transport × every transport × every pair of address families, each with each kind of dialog; and those over UDP
 * in each form in which a gateway moves datagrams.
 */

const FAMILIES = [4, 6] as const;
const CALLER_SIDE = ["udp", "tcp", "tls", "ws"] as const;
const POOL_SIDE = ["udp", "tcp", "tls"] as const;
const LOOPBACK = { 4: "127.0.0.1", 6: "::1" } as const;
type Family = (typeof FAMILIES)[number];

/** A transport over an address family. */
interface Side<T extends Transport = Transport> {
  readonly transport: T;
  readonly family: Family;
}

const callerSides = CALLER_SIDE.flatMap((transport) => FAMILIES.map((family): Side => ({ transport, family })));
const poolSides = POOL_SIDE.flatMap((transport) =>
  FAMILIES.map((family): Side<(typeof POOL_SIDE)[number]> => ({ transport, family })),
);

const nameOf = ({ transport, family }: Side): string => `${transport} over IPv${family}`;
const keyOf = ({ transport, family }: Side): string => `${transport}${family}`;

const ca = await Authority.make();
const folder = await Folder.make(t);
const ips = Object.values(LOOPBACK);

/** The pools, each behind one transport and address, and the ones that clients are redirected to. */
const pools = new Map<string, RawPeer>();
const moved = new Map<string, RawPeer>();
const dns = poolSides.map((side) => `pool-${keyOf(side)}.contoso.com`);
const poolTls = { ...(await ca.issue({ dns, ips })), ca: ca.pem };
for (const side of poolSides) {
  const host = LOOPBACK[side.family];
  pools.set(keyOf(side), await RawPeer.listening(t, side.transport, host, { ...poolTls, requestCert: true }));
  moved.set(keyOf(side), await RawPeer.listening(t, side.transport, host, poolTls));
}

await folder.put("ca.pem", ca.pem);
await folder.putPair("gw", await ca.issue({ dns: ["gw.contoso.com"], ips }));
await folder.put(
  "endpoints.json",
  tableText(
    poolSides.flatMap((side) => [
      { sipAddress: `sip:${keyOf(side)}@contoso.com`, poolFqdn: `pool-${keyOf(side)}.contoso.com` },
      {
        sipAddress: `sip:moved-${keyOf(side)}@contoso.com`,
        poolFqdn: LOOPBACK[side.family],
        port: Number(/\d+$/.exec(moved.get(keyOf(side))!.local!)![0]),
        transport: side.transport,
        mode: "redirect",
      },
    ]),
  ),
);
/** Writes the configuration of a gateway that listens where none did before. @returns the file */
async function configFile(name: string): Promise<string> {
  // Ports that the system hands to no client: a Contact with the host and port of a listener is the gateway's own.
  const firstPort = await freePort(callerSides.length);
  const path = join(folder.path, `${name}.yaml`);
  await writeFile(
    path,
    JSON.stringify({
      listen: callerSides.map(({ transport, family }, i) => ({
        transport,
        host: LOOPBACK[family],
        port: firstPort + i,
        ...(transport === "tls" ? { cert: "gw.pem", key: "gw.key" } : {}),
      })),
      tls: { cert: "gw.pem", key: "gw.key", ca: "ca.pem" },
      resolve: {
        hosts: Object.fromEntries(
          poolSides.map((side) => [
            `pool-${keyOf(side)}.contoso.com`,
            [`${side.transport}:${pools.get(keyOf(side))!.local}`],
          ]),
        ),
      },
    }),
  );
  return path;
}

/** The gateway of the form that is tried now. */
let gateway: Gateway;

function listenerOf({ transport, family }: Side) {
  return gateway.listeners.find((l) => l.transport === transport && l.family === family)!;
}

/** Our Record-Route for a side, without the user part, which is the gateway's own affair. */
function routeOf(side: Side): string {
  return `<sip:${written(listenerOf(side))};transport=${side.transport};lr>`;
}

function withoutUsers(routes: readonly string[]): string[] {
  return routes.map((route) => route.replace(/<sip:[^@>]*@/, "<sip:"));
}

/** How a request comes to us: from the client itself, or by a front end on whose connection many clients come. */
type WayIn = "client" | "front end";

/**
 * The Record-Routes that the pool is to see. Two where the sides differ (RFC 5658), and also where a client opened its
 * connection to us: one of them names that connection (RFC 5626 §5.3).
 */
function expectedRoutes(from: Side, to: Side, wayIn: WayIn): string[] {
  const alike = keyOf(from) === keyOf(to) && (from.transport === "udp" || wayIn === "front end");
  return alike ? [routeOf(to)] : [routeOf(to), routeOf(from)];
}

let counter = 0;

/** The two sides of one dialog, as their own messages need them. */
class Call {
  readonly callId = `matrix-${counter++}`;
  readonly caller: RawPeer;
  readonly link: Link;
  readonly from: Side;
  readonly to: Side;
  readonly pool: RawPeer;
  readonly #wayIn: WayIn;

  private constructor(from: Side, to: Side, wayIn: WayIn, caller: RawPeer, link: Link) {
    this.from = from;
    this.to = to;
    this.pool = pools.get(keyOf(to))!;
    this.#wayIn = wayIn;
    this.caller = caller;
    this.link = link;
  }

  static async from(t: Test, from: Side, to: Side, wayIn: WayIn = "client"): Promise<Call> {
    const { peer, link } = await RawPeer.connected(t, from.transport, listenerOf(from), ca.pem);
    return new Call(from, to, wayIn, peer, link);
  }

  get callerContact(): string {
    return this.#wayIn === "client"
      ? `sip:alice@${this.link.local};transport=${this.from.transport}`
      : "sip:alice@contoso.com;gruu;opaque=app:conf";
  }

  get poolContact(): string {
    return `sip:pool-${keyOf(this.to)}.contoso.com;transport=${this.to.transport}`;
  }

  /** A request of the caller outside of a dialog. */
  opens(method: string, uri: string, headers: readonly string[] = []): string {
    return text([
      `${method} ${uri} SIP/2.0`,
      ...this.#callerVias(),
      ...(this.#wayIn === "client" ? [] : [`Record-Route: ${this.#frontEnd}`]),
      "Max-Forwards: 70",
      "From: <sip:alice@contoso.com>;tag=a1",
      `To: <${uri}>`,
      `Call-ID: ${this.callId}`,
      `CSeq: 1 ${method}`,
      `Contact: <${this.callerContact}>`,
      ...headers,
    ]);
  }

  /** A request of the caller in the dialog that this 2xx opened. */
  follows(method: string, cseq: number, ok: Message, headers: readonly string[] = []): string {
    const routes = ok.list("Record-Route").filter((route) => route !== this.#frontEnd);
    return text([
      `${method} ${/<(.*)>/.exec(ok.one("Contact"))![1]} SIP/2.0`,
      ...this.#callerVias(),
      ...routes.reverse().map((route) => `Route: ${route}`),
      "Max-Forwards: 70",
      `From: ${ok.one("From")}`,
      `To: ${ok.one("To")}`,
      `Call-ID: ${this.callId}`,
      `CSeq: ${cseq} ${method}`,
      ...headers,
    ]);
  }

  /** A request of the pool in the dialog that this request opened. */
  comesBack(method: string, cseq: number, opening: Message, headers: readonly string[] = []): string {
    return text([
      `${method} ${/<(.*)>/.exec(opening.one("Contact"))![1]} SIP/2.0`,
      `Via: SIP/2.0/${this.to.transport.toUpperCase()} ${this.pool.local};branch=z9hG4bK-pool-${counter++}`,
      ...opening.list("Record-Route").map((route) => `Route: ${route}`),
      "Max-Forwards: 70",
      `From: ${opening.one("To")};tag=p1`,
      `To: ${opening.one("From")}`,
      `Call-ID: ${this.callId}`,
      `CSeq: ${cseq} ${method}`,
      ...headers,
    ]);
  }

  /** The caller asks, and the pool has to hear it over the way it already knows and answer it. */
  async asked(t: Test, method: string, cseq: number, ok: Message, over: Link, headers?: readonly string[]) {
    this.link.send(this.follows(method, cseq, ok, headers));
    const { message, link } = await this.pool.request(method, this.callId);
    t.equal(link, over, `${method} reaches the pool over the same connection (RFC 5923)`);
    t.equal(message.requestUri, this.poolContact);
    t.same(message.list("Route"), [], "no Route is left over");
    t.equal(sentBy(message), `${this.to.transport.toUpperCase()} ${written(listenerOf(this.to))}`);
    link.send(message.reply("200 OK"));
    t.equal((await this.caller.answer(`${cseq} ${method}`, this.callId)).status, 200);
  }

  /** The pool asks, and the caller has to hear it over its own connection and answer it. */
  async askedBack(t: Test, method: string, cseq: number, opening: Message, over: Link, headers?: readonly string[]) {
    over.send(this.comesBack(method, cseq, opening, headers));
    const { message, link } = await this.caller.request(method, this.callId);
    t.equal(link, this.link, `${method} reaches the caller over the same connection`);
    t.equal(message.requestUri, this.callerContact);
    t.same(message.list("Route"), this.#wayIn === "client" ? [] : [this.#frontEnd]);
    t.equal(sentBy(message), `${this.from.transport.toUpperCase()} ${written(listenerOf(this.from))}`);
    link.send(message.reply("200 OK"));
    t.equal((await this.pool.answer(`${cseq} ${method}`, this.callId)).status, 200);
  }

  get #frontEnd(): string {
    return `<sip:${this.link.local};transport=${this.from.transport};lr>`;
  }

  #callerVias(): string[] {
    const own = `Via: SIP/2.0/${this.from.transport.toUpperCase()} ${this.link.local};branch=z9hG4bK-alice-${counter++}`;
    return this.#wayIn === "client" ? [own] : [own, "Via: SIP/2.0/TLS 192.0.2.7:51234;received=192.0.2.7"];
  }
}

function text(lines: readonly string[]): string {
  return `${lines.join("\r\n")}\r\nContent-Length: 0\r\n\r\n`;
}

/** Transport and sent-by of the topmost Via. */
function sentBy(message: Message): string | undefined {
  return /^SIP\/2\.0\/(\S+ [^;]+);/.exec(message.list("Via")[0]!)?.[1];
}

async function inviteDialog(t: Test, from: Side, to: Side, wayIn: WayIn): Promise<void> {
  const call = await Call.from(t, from, to, wayIn);
  const { callId, caller, link, pool } = call;
  link.send(call.opens("INVITE", `sip:${keyOf(to)}@contoso.com`));
  const { message: invite, link: over } = await pool.request("INVITE", callId);
  const ours = invite.list("Record-Route").filter((route) => route.includes("@"));
  t.same(withoutUsers(ours), expectedRoutes(from, to, wayIn));
  t.equal(sentBy(invite), `${to.transport.toUpperCase()} ${written(listenerOf(to))}`);
  over.send(invite.reply("200 OK", { toTag: "p1", headers: `Contact: <${call.poolContact}>\r\n` }));
  const ok = await caller.answer("1 INVITE", callId);
  t.same(ok.list("Record-Route"), invite.list("Record-Route"), "both sides know the same route set");
  link.send(call.follows("ACK", 1, ok));
  const ack = await pool.request("ACK", callId);
  t.equal(ack.link, over);
  t.same(ack.message.list("Route"), []);
  await call.asked(t, "INFO", 2, ok, over);
  await call.askedBack(t, "INFO", 1, invite, over);
  await call.asked(t, "BYE", 3, ok, over);
  t.same(caller.links, [link], "nobody else wrote to the caller");
}

async function subscribeDialog(t: Test, from: Side, to: Side): Promise<void> {
  const call = await Call.from(t, from, to);
  const { callId, caller, link, pool } = call;
  link.send(call.opens("SUBSCRIBE", `sip:${keyOf(to)}@contoso.com`, ["Event: presence", "Expires: 600"]));
  const { message: subscribe, link: over } = await pool.request("SUBSCRIBE", callId);
  t.same(withoutUsers(subscribe.list("Record-Route")), expectedRoutes(from, to, "client"));
  const headers = `Contact: <${call.poolContact}>\r\nExpires: 600\r\n`;
  over.send(subscribe.reply("200 OK", { toTag: "p1", headers }));
  const ok = await caller.answer("1 SUBSCRIBE", callId);
  await call.askedBack(t, "NOTIFY", 1, subscribe, over, ["Event: presence", "Subscription-State: active;expires=600"]);
  await call.asked(t, "SUBSCRIBE", 2, ok, over, ["Event: presence", "Expires: 0"]);
  const last = ["Event: presence", "Subscription-State: terminated;reason=timeout"];
  await call.askedBack(t, "NOTIFY", 2, subscribe, over, last);
}

async function redirect(t: Test, from: Side, to: Side): Promise<void> {
  const call = await Call.from(t, from, to);
  const there = moved.get(keyOf(to))!;
  const uri = `sip:moved-${keyOf(to)}@contoso.com`;
  const invite = call.opens("INVITE", uri);
  call.link.send(invite);
  const answer = await call.caller.answer("1 INVITE", call.callId);
  t.equal(answer.status, 302);
  t.same(answer.list("Record-Route"), []);
  const contact = /^<(sip:(.+)@(.+);transport=(.+))>$/.exec(answer.one("Contact"));
  t.same(contact?.slice(2), [`moved-${keyOf(to)}`, there.local, to.transport]);
  const via = /^Via: [^\r]*/m.exec(invite)![0];
  const ack = ["Max-Forwards: 70", "From: <sip:alice@contoso.com>;tag=a1", `To: ${answer.one("To")}`];
  call.link.send(text([`ACK ${uri} SIP/2.0`, via, ...ack, `Call-ID: ${call.callId}`, "CSeq: 1 ACK"]));
  // A browser can open WebSockets only, so it cannot follow to any of these.
  if (from.transport === "ws") return;
  const target = { address: LOOPBACK[to.family], port: Number(/\d+$/.exec(there.local!)![0]) };
  const { link: direct } = await RawPeer.connected(t, to.transport, target, ca.pem);
  direct.send(call.opens("INVITE", contact![1]!));
  t.equal((await there.request("INVITE", call.callId)).message.requestUri, contact![1]);
}

for (const udp of udpForms) {
  t.test(udp, async (t) => {
    const env = { WAYPOST_UDP: udp };
    const file = await configFile(udp);
    gateway = await startGateway(loadConfig({ file, env, cwd: folder.path }), createLog("silent"));
    t.teardown(() => gateway.stop());
    const before = new Map([...pools].map(([key, { links }]) => [key, links.length]));
    const tried = new Set<Side>();
    for (const from of callerSides) {
      for (const to of poolSides) {
        // The form is nothing to what does not go over UDP.
        if (udp !== udpForms[0] && from.transport !== "udp" && to.transport !== "udp") continue;
        tried.add(to);
        const row = `from ${nameOf(from)} to ${nameOf(to)}`;
        await t.test(`INVITE, INFO both ways, BYE ${row}`, (t) => inviteDialog(t, from, to, "client"));
        await t.test(`SUBSCRIBE, NOTIFY ${row}`, (t) => subscribeDialog(t, from, to));
        await t.test(`302 ${row}`, (t) => redirect(t, from, to));
        if (from.transport === "ws") continue;
        await t.test(`INVITE by a front end, INFO both ways, BYE ${row}`, (t) => {
          return inviteDialog(t, from, to, "front end");
        });
      }
    }
    t.same(
      [...tried].map((to) => pools.get(keyOf(to))!.links.length - before.get(keyOf(to))!),
      poolSides.map(() => 1),
      "through all of this one connection to each pool has served, and a pool of UDP heard one address",
    );
  });
}
