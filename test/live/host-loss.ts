import { setTimeout as sleep } from "node:timers/promises";
import { accessTo } from "../redis/access.ts";
import { RedisServer } from "../redis/redis-server.ts";
import { editor, storeOf } from "../redis/scene.ts";
import { Dnsmasq } from "../support/dnsmasq.ts";
import { freePort } from "../support/free-port.ts";
import { type Closing, GatewayProcess } from "../support/gateway.ts";
import type { Message } from "../support/sip-text.ts";
import { Farm } from "./farm.ts";
import { backInDialog, contact, inDialog, invite, newCallId } from "./requests.ts";
import { SipNode } from "./sip-node.ts";

const ADDRESS = "sip:ocschat@contoso.com";
const POOL = "pool.contoso.com";
/** The name that both gateways share. */
const NAME = "gw.test";

export interface HostLoss {
  /** Dialogs that the killed gateway had set up and that were open when it died. */
  readonly orphans: number;
  /** Requests that were under way at that moment and went to the other one again. */
  readonly resent: number;
  /** What went wrong, a line each: every answer that was not 200, every Record-Route without the shared name. */
  readonly faults: readonly string[];
  readonly calls: number;
  /** Longest wait for the answer to a request, in ms. */
  readonly longestMs: number;
  readonly callsPerSecond: number;
}

/**
 * Two gateways on one Redis and with one key file, behind an SRV record. Calls come to both by turns, each an INVITE, an
 * INFO, an INFO from the pool, an INFO after a while, and a BYE. In the middle, one gateway ends by kill -9.
 * @param rate calls per second @param seconds for which calls are begun @param holdMs between the first half of a dialog and the second
 */
export async function loseHost(t: Closing, rate: number, seconds: number, holdMs: number): Promise<HostLoss> {
  const server = await RedisServer.start(t);
  const add = { kind: "add", endpoint: { sipAddress: ADDRESS, poolFqdn: POOL } } as const;
  await storeOf(t, accessTo(server)).change([add], editor);
  const pool = await SipNode.start(t);
  const gateways = await twoGateways(t, `redis://127.0.0.1:${server.port}`, pool.target("tcp"));
  const ports = gateways.map((gateway) => gateway.listener("tcp").port);
  const dns = await Dnsmasq.start([
    ...ports.map((port, index) => `srv-host=_sip._tcp.${NAME},gw${index}.${NAME},${port},0,1`),
    ...ports.map((_, index) => `host-record=gw${index}.${NAME},127.0.0.1`),
  ]);
  t.teardown(() => dns.close());
  const [caller, callerFarm, poolFarm] = [
    await SipNode.start(t),
    await Farm.connect(t, NAME, dns.port),
    await Farm.connect(t, NAME, dns.port),
  ];
  const here = (node: SipNode) => node.target("tcp").slice("tcp:".length);
  const invites = new Map<string, Message>();
  pool.take = (message, link) => {
    if (message.method === "INVITE") invites.set(message.one("Call-ID"), message);
    const headers = message.method === "INVITE" ? `Contact: ${contact("pool", link)}\r\n` : "";
    if (message.method !== "ACK") link.send(message.reply("200 OK", { toTag: "pool", headers }));
    return true;
  };
  callerFarm.take = (message) => message.reply("200 OK");
  caller.take = (message, link) => {
    link.send(message.reply("200 OK"));
    return true;
  };

  const faults: string[] = [];
  let longestMs = 0;
  let orphans = 0;
  // SRV records are taken in the order of their ports, so this is the first of them.
  const victim = ports[0]! < ports[1]! ? 0 : 1;
  const victimFirst = 0;
  let killed = false;
  const ask = async (what: string, farm: Farm, text: string, prefer: number): Promise<Message> => {
    const start = performance.now();
    const answer = await farm.request(text, prefer);
    longestMs = Math.max(longestMs, performance.now() - start);
    if (answer.status !== 200) faults.push(`${answer.status} to ${what}`);
    return answer;
  };
  const call = async (prefer: number): Promise<void> => {
    const callId = newCallId();
    const link = callerFarm.link(here(caller), prefer);
    const ok = await ask("INVITE", callerFarm, invite(link, { to: ADDRESS, callId }), prefer);
    if (ok.status !== 200) return;
    for (const route of ok.list("Record-Route")) {
      if (!new RegExp(`@${NAME};transport=tcp;lr>$`).test(route)) faults.push(`Record-Route: ${route}`);
    }
    link.send(inDialog(link, "ACK", 1, ok));
    await ask("INFO", callerFarm, inDialog(link, "INFO", 2, ok), prefer);
    const before = killed;
    await sleep(holdMs);
    const orphan = !before && killed && prefer === victimFirst;
    if (orphan) orphans++;
    const where = orphan ? "in a dialog of the dead gateway" : "in a dialog";
    const poolLink = poolFarm.link(here(pool), prefer);
    const back = backInDialog(poolLink, "INFO", 1, invites.get(callId)!, "pool");
    await ask(`an INFO of the pool ${where}`, poolFarm, back, prefer);
    await ask(`an INFO ${where}`, callerFarm, inDialog(link, "INFO", 3, ok), prefer);
    await ask(`a BYE ${where}`, callerFarm, inDialog(link, "BYE", 4, ok), prefer);
  };

  const calls: Promise<void>[] = [];
  const start = performance.now();
  while (performance.now() - start < seconds * 1000) {
    const due = Math.floor(((performance.now() - start) / 1000) * rate);
    while (calls.length <= due) calls.push(call(calls.length % 2));
    if (!killed && performance.now() - start > seconds * 500) {
      killed = true;
      gateways[victim]!.killAll("SIGKILL");
    }
    await sleep(2);
  }
  const callsPerSecond = calls.length / ((performance.now() - start) / 1000);
  await Promise.all(calls);
  return {
    orphans,
    resent: callerFarm.resent + poolFarm.resent,
    faults,
    calls: calls.length,
    longestMs,
    callsPerSecond,
  };
}

async function twoGateways(t: Closing, url: string, pool: string): Promise<GatewayProcess[]> {
  const gateways: GatewayProcess[] = [];
  for (let i = 0; i < 2; i++) {
    gateways.push(
      await GatewayProcess.start(t, {
        hosts: { [POOL]: [pool] },
        logLevel: "warn",
        settings: {
          listen: [{ transport: "tcp", host: "127.0.0.1", port: await freePort(), recordRoute: NAME }],
          store: { kind: "redis", url },
          // The first one makes the file, both use it.
          ...(i === 0 ? {} : { routeKeys: `${gateways[0]!.directory}/waypost.keys` }),
        },
      }),
    );
  }
  return gateways;
}
