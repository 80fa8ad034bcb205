import { setTimeout as sleep } from "node:timers/promises";
import { contact, inDialog, invite, newCallId } from "../test/live/requests.ts";
import { type Link, SipNode } from "../test/live/sip-node.ts";
import { freePort } from "../test/support/free-port.ts";
import { type Bound, GatewayProcess } from "../test/support/gateway.ts";
import { Message } from "../test/support/sip-text.ts";

/**
 * Upgrades a gateway (SIGUSR2) UPGRADES (3) times under RATE (300) calls per second with WORKERS (1) processes, over UDP and
 * over TCP. A call is INVITE, ACK, INFO, BYE. Ends with 1 when a request failed or an upgrade was refused.
 */
const RATE = numberIn("RATE", 300);
const WORKERS = numberIn("WORKERS", 1);
const UPGRADES = numberIn("UPGRADES", 3);
const BETWEEN_MS = 6000;
/** With more than that unanswered the machine is behind: fewer calls are begun, and the rate that is printed tells. */
const MOST_WAITING = 200;
const ADDRESS = "sip:ocschat@contoso.com";
/** RFC 3261 §17.1.1.2: T1, T2 and how long a request may stay without an answer. */
const [T1_MS, T2_MS, TIMEOUT_MS] = [500, 4000, 32_000];

const undo: (() => unknown)[] = [];
const closing = { teardown: (work: () => unknown) => void undo.unshift(work) };
interface Pending {
  readonly text: string;
  readonly sentAt: number;
  readonly answered: (answer: Message | undefined) => void;
  repeat: NodeJS.Timeout | undefined;
}

/** A front end: sends again over UDP what is not answered, and over TCP, on a new connection, what an ended one left. */
class FrontEnd {
  resent = 0;
  longestMs = 0;
  #link!: Link;
  #closed = false;
  readonly #node: SipNode;
  readonly #bound: Bound;
  readonly #pending = new Map<string, Pending>();

  private constructor(node: SipNode, bound: Bound) {
    this.#node = node;
    this.#bound = bound;
    node.take = (message) => {
      const waiting = this.#pending.get(keyOf(message));
      if (message.status >= 200 && waiting !== undefined) this.#settle(message, waiting);
      return true;
    };
  }

  static async to(bound: Bound): Promise<FrontEnd> {
    const frontEnd = new FrontEnd(await SipNode.start(closing), bound);
    frontEnd.#link = await frontEnd.#connected();
    return frontEnd;
  }

  /** Requests that have no final answer yet. */
  get waiting(): number {
    return this.#pending.size;
  }

  get link(): Link {
    return this.#link;
  }

  /** Resolves with the final answer, or with undefined when none comes. */
  request(text: string): Promise<Message | undefined> {
    return new Promise((answered) => {
      const pending: Pending = { text, sentAt: performance.now(), answered, repeat: undefined };
      this.#pending.set(keyOf(new Message(text)), pending);
      this.#link.send(text);
      this.#later(pending, T1_MS);
    });
  }

  #settle(answer: Message | undefined, pending: Pending): void {
    clearTimeout(pending.repeat);
    this.#pending.delete(keyOf(new Message(pending.text)));
    this.longestMs = Math.max(this.longestMs, performance.now() - pending.sentAt);
    pending.answered(answer);
  }

  #later(pending: Pending, ms: number): void {
    pending.repeat = setTimeout(() => {
      if (performance.now() - pending.sentAt > TIMEOUT_MS) {
        this.#settle(undefined, pending);
        return;
      }
      if (this.#bound.transport === "udp") this.#again(pending.text);
      this.#later(pending, Math.min(T2_MS, 2 * ms));
    }, ms);
  }

  #again(text: string): void {
    this.resent++;
    this.#link.send(text);
  }

  async #connected(): Promise<Link> {
    return this.#node.to(this.#bound, async () => {
      if (this.#closed) return;
      this.#link = await this.#connected();
      // It is another transaction than the one that was lost with the connection (RFC 3263 §4.3).
      for (const { text } of this.#pending.values()) this.#again(text.replace(/branch=z9hG4bK/, "$&again-"));
    });
  }

  close(): void {
    this.#closed = true;
  }
}

async function upgradeUnderLoad(transport: "udp" | "tcp"): Promise<void> {
  const pool = await SipNode.start(closing);
  pool.take = (message, link) => {
    const headers = message.method === "INVITE" ? `Contact: ${contact("pool", link)}\r\n` : "";
    if (message.status === 0 && message.method !== "ACK") {
      link.send(message.reply("200 OK", { toTag: "pool", headers }));
    }
    return true;
  };
  const gateway = await GatewayProcess.start(closing, {
    hosts: { "pcpool.contoso.com": [pool.target(transport)] },
    endpoints: [{ sipAddress: ADDRESS, poolFqdn: "pcpool.contoso.com" }],
    settings: {
      workers: WORKERS,
      drain: { seconds: 5, replacedSeconds: 2 },
      listen: [{ transport, host: "127.0.0.1", port: await freePort(), trusted: ["127.0.0.0/8"] }],
      // What is measured here is the upgrade; a machine that runs callers and pool as well is soon busy.
      limits: { overloadDelayMs: 0 },
    },
  });
  const frontEnd = await FrontEnd.to(gateway.listener(transport));
  const failed = new Map<string, number>();
  const call = async (): Promise<void> => {
    const fault = await oneCall(frontEnd);
    if (fault !== undefined) failed.set(fault, 1 + (failed.get(fault) ?? 0));
  };
  const calls: Promise<void>[] = [];
  const start = performance.now();
  let upgrading = true;
  const upgraded = upgrade(gateway).finally(() => {
    upgrading = false;
  });
  while (upgrading) {
    const due = Math.floor(((performance.now() - start) / 1000) * RATE);
    while (calls.length <= due && frontEnd.waiting < MOST_WAITING) calls.push(call());
    await sleep(2);
  }
  const seconds = (performance.now() - start) / 1000;
  const refused = await upgraded;
  await Promise.all(calls);
  frontEnd.close();
  const { resent, longestMs } = frontEnd;
  console.log(
    `${transport}, workers ${WORKERS}: ${UPGRADES - refused} upgrades under ${(calls.length / seconds).toFixed(0)} calls/s, ${refused} refused; ` +
      `${calls.length} calls, ${resent} requests sent again, longest wait for an answer ${longestMs.toFixed(0)} ms`,
  );
  console.log(failed.size === 0 ? "no call failed" : `FAILED: ${JSON.stringify([...failed])}`);
  if (failed.size > 0 || refused > 0) process.exitCode = 1;
}

/** @returns how many were refused */
async function upgrade(gateway: GatewayProcess): Promise<number> {
  let refused = 0;
  for (let i = 0; i < UPGRADES; i++) {
    await sleep(BETWEEN_MS);
    const before = new Set(gateway.log);
    gateway.kill("SIGUSR2");
    const { msg } = await gateway.logged(
      (line) => !before.has(line) && /^(new processes serve|the upgrade was refused)/.test(line.msg),
    );
    if (!msg.startsWith("new processes")) refused++;
  }
  await sleep(BETWEEN_MS);
  return refused;
}

/** @returns what went wrong */
async function oneCall(frontEnd: FrontEnd): Promise<string | undefined> {
  const callId = newCallId();
  const ok = await frontEnd.request(invite(frontEnd.link, { to: ADDRESS, callId }));
  if (ok?.status !== 200) return faultOf("INVITE", ok);
  frontEnd.link.send(inDialog(frontEnd.link, "ACK", 1, ok));
  for (const [number, method] of [
    [2, "INFO"],
    [3, "BYE"],
  ] as const) {
    const answer = await frontEnd.request(inDialog(frontEnd.link, method, number, ok));
    if (answer?.status !== 200) return faultOf(method, answer);
  }
  return undefined;
}

function faultOf(method: string, answer: Message | undefined): string {
  return answer === undefined
    ? `no answer to ${method}`
    : `${answer.status} to ${method} ${answer.all("Warning")[0] ?? ""}`;
}

function keyOf(message: Message): string {
  return `${message.one("Call-ID")} ${message.one("CSeq")}`;
}

function numberIn(name: string, otherwise: number): number {
  return Number(process.env[name] ?? otherwise);
}

try {
  for (const transport of ["udp", "tcp"] as const) await upgradeUnderLoad(transport);
} finally {
  for (const work of undo) await work();
}
