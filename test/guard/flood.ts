import { type ChildProcess, spawn } from "node:child_process";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { pino } from "pino";
import { loadConfig } from "../../src/config/load.ts";
import { EmbeddedEngine } from "../../src/engine/embedded.ts";
import { udpEnvironment } from "../support/udp-form.ts";

const GATEWAY = "127.0.0.1";
const CALLER = "127.0.0.2";
const FLOODER = "127.0.0.3";
const POOL = "127.0.0.4";

/** Sends INVITEs, each with a branch of its own, in bursts every 5 ms; says how many at the end. */
const FLOOD = `
const [port, rate, seconds] = process.argv.slice(1).map(Number);
const socket = require("dgram").createSocket("udp4");
const invite = (n) => "INVITE sip:ocschat@contoso.com SIP/2.0\\r\\nVia: SIP/2.0/UDP ${FLOODER};branch=z9hG4bKflood" + n +
  ";rport\\r\\nFrom: <sip:f@f>;tag=f\\r\\nTo: <sip:ocschat@contoso.com>\\r\\nCall-ID: flood-" + n +
  "\\r\\nCSeq: 1 INVITE\\r\\nMax-Forwards: 70\\r\\nContent-Length: 0\\r\\n\\r\\n";
socket.bind(0, "${FLOODER}", () => {
  const startedAt = performance.now();
  let sent = 0;
  const timer = setInterval(() => {
    const elapsed = (performance.now() - startedAt) / 1000;
    const due = Math.min(elapsed, seconds) * rate;
    for (; sent < due; sent++) socket.send(invite(sent), port, "${GATEWAY}");
    if (elapsed < seconds) return;
    clearInterval(timer);
    process.stdout.write(String(sent), () => setTimeout(() => socket.close(), 200));
  }, 5);
});`;

export interface FloodPlan {
  readonly seconds: number;
  readonly packetsPerSecond: number;
  readonly callsPerSecond: number;
  /** Settings of `limits`. */
  readonly limits: object;
  readonly folder: string;
  readonly configFile: string;
  readonly writeConfig: (text: string) => Promise<unknown>;
}

export interface FloodResult {
  readonly engine: EmbeddedEngine;
  readonly flooded: number;
  readonly calls: number;
  /** Calls of the other source that were answered with 200. */
  readonly answered: number;
  /** The most server transactions that were seen. */
  readonly mostTransactions: number;
  stop(): Promise<void>;
}

/** A gateway with one source that floods it and another one that makes calls through it. */
export async function flood(plan: FloodPlan): Promise<FloodResult> {
  const pool = await bound(POOL);
  pool.on("message", (bytes, { address, port }) => {
    const text = bytes.toString("latin1");
    if (!text.startsWith("INVITE ")) return;
    const kept = (text.match(/^(?:Via|From|Call-ID|CSeq|Record-Route):.*\r\n/gm) ?? []).join("");
    const to = /^To:[^\r]*/m.exec(text)![0];
    const contact = `Contact: <sip:${POOL}:${pool.address().port}>\r\n`;
    pool.send(`SIP/2.0 200 OK\r\n${kept}${to};tag=p\r\n${contact}Content-Length: 0\r\n\r\n`, port, address);
  });
  await plan.writeConfig(
    JSON.stringify({ listen: [{ transport: "udp", host: GATEWAY, port: 0 }], limits: plan.limits }),
  );
  const engine = await EmbeddedEngine.start({
    config: loadConfig({ file: plan.configFile, env: udpEnvironment, cwd: plan.folder }),
    log: pino({ level: "silent" }),
    decide: () => ({
      kind: "proxy",
      nextHops: [`sip:${POOL}:${pool.address().port}`],
      endpoint: "sip:ocschat@contoso.com",
    }),
  });
  const { port } = engine.listeners[0]!;
  const flooder: ChildProcess = spawn(
    process.execPath,
    ["-e", FLOOD, String(port), String(plan.packetsPerSecond), String(plan.seconds)],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  let told = "";
  flooder.stdout!.on("data", (text: Buffer) => (told += text.toString()));
  const ended = once(flooder, "close");
  let mostTransactions = 0;
  const watch = setInterval(() => {
    mostTransactions = Math.max(mostTransactions, engine.load.serverTransactions);
  }, 50);
  const caller = await bound(CALLER);
  const calls = Math.round(plan.seconds * plan.callsPerSecond);
  const answered = await makeCalls(caller, port, calls, plan.callsPerSecond);
  await ended;
  clearInterval(watch);
  return {
    engine,
    flooded: Number(told),
    calls,
    answered,
    mostTransactions,
    stop: async () => {
      caller.close();
      await engine.close();
      pool.close();
    },
  };
}

/** Makes calls, each repeated after T1, 2·T1, … as RFC 3261 has it over UDP. @returns how many were answered with 200 */
async function makeCalls(caller: Socket, port: number, calls: number, perSecond: number): Promise<number> {
  const answered = new Set<string>();
  caller.on("message", (bytes) => {
    const text = bytes.toString("latin1");
    if (text.startsWith("SIP/2.0 200 ")) answered.add(/^Call-ID: (\S+)/m.exec(text)![1]!);
  });
  const one = async (n: number): Promise<void> => {
    await sleep((n * 1000) / perSecond);
    const id = `call-${n}`;
    const invite =
      `INVITE sip:ocschat@contoso.com SIP/2.0\r\nVia: SIP/2.0/UDP ${CALLER};branch=z9hG4bK${id};rport\r\n` +
      `From: <sip:alice@contoso.com>;tag=a\r\nTo: <sip:ocschat@contoso.com>\r\nCall-ID: ${id}\r\nCSeq: 1 INVITE\r\n` +
      "Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n";
    for (let wait = 500; wait <= 16_000 && !answered.has(id); wait *= 2) {
      caller.send(invite, port, GATEWAY);
      for (let waited = 0; waited < wait && !answered.has(id); waited += 50) await sleep(50);
    }
  };
  await Promise.all(Array.from({ length: calls }, (_, n) => one(n)));
  return answered.size;
}

async function bound(address: string): Promise<Socket> {
  const socket = createSocket({ type: "udp4", recvBufferSize: 4 * 1024 * 1024 });
  socket.bind(0, address);
  await once(socket, "listening");
  return socket;
}
