import { backInDialog, contact } from "../live/requests.ts";
import { type Link, SipNode } from "../live/sip-node.ts";
import type { Closing } from "../support/gateway.ts";
import type { Message } from "../support/sip-text.ts";

/** How a pool treats what it is sent. */
export type PoolManner =
  /** Takes calls and subscriptions. */
  | "willing"
  /** Rings until the caller gives up. */
  | "ringing"
  /** Accepts connections, and says nothing ever. */
  | "hanging"
  /** Closes the connection in the middle of its answer; over UDP the answer is cut off. */
  | "torn"
  /** Answers twice, late, and with what is not the request's: Via, branch, CSeq, a status that does not exist. */
  | "odd";

/** Later than any transaction of the request lives. */
const TOO_LATE_MS = 36_000;
const T1 = 500;
const T2 = 4000;

/** Where the pools of a soak listen, one address each, and how to end their connections. */
export class SoakPool {
  readonly node: SipNode;
  /** Subscriptions whose NOTIFY the gateway refused, by Call-ID. */
  readonly refused = new Set<string>();
  readonly #manner: PoolManner;
  /** The INVITEs that ring, by Call-ID. */
  readonly #ringing = new Map<string, Message>();
  /** The 2xx that have no ACK yet, by Call-ID. */
  readonly #unacknowledged = new Map<string, NodeJS.Timeout>();
  readonly #late = new Set<NodeJS.Timeout>();

  private constructor(node: SipNode, manner: PoolManner) {
    this.node = node;
    this.#manner = manner;
    node.take = (message, link) => {
      this.#take(message, link);
      return true;
    };
  }

  static async start(t: Closing, host: string, manner: PoolManner): Promise<SoakPool> {
    const pool = new SoakPool(await SipNode.start(t, host), manner);
    t.teardown(() => pool.#stopTimers());
    return pool;
  }

  /** Forgets what goes on and ends every connection. */
  rest(): void {
    this.#stopTimers();
    this.#ringing.clear();
    this.node.hangUp();
  }

  #stopTimers(): void {
    for (const timer of [...this.#unacknowledged.values(), ...this.#late]) clearTimeout(timer);
    this.#unacknowledged.clear();
    this.#late.clear();
  }

  #take(message: Message, link: Link): void {
    if (message.status === 481 && message.one("CSeq").endsWith("NOTIFY")) this.refused.add(message.one("Call-ID"));
    if (message.status !== 0 || this.#manner === "hanging") return;
    const callId = message.one("Call-ID");
    if (message.method === "ACK") {
      clearTimeout(this.#unacknowledged.get(callId));
      this.#unacknowledged.delete(callId);
    } else if (this.#manner === "torn") tear(message, link);
    else if (this.#manner === "odd") this.#answerOddly(message, link);
    else if (message.method === "CANCEL") this.#cancelled(message, link);
    else if (message.method === "INVITE" && this.#manner === "ringing") {
      this.#ringing.set(callId, message);
      link.send(message.reply("180 Ringing"));
    } else if (message.method === "INVITE") this.#accept(message, link);
    else if (message.method === "SUBSCRIBE") subscribed(message, link);
    else link.send(message.reply("200 OK"));
  }

  #accept(invite: Message, link: Link): void {
    const callId = invite.one("Call-ID");
    if (this.#unacknowledged.has(callId)) return;
    const ok = acceptance(invite, link);
    const repeat = (after: number, left: number): void => {
      link.send(ok);
      if (left <= 0) this.#unacknowledged.delete(callId);
      else {
        const next = Math.min(2 * after, T2);
        this.#unacknowledged.set(
          callId,
          setTimeout(() => repeat(next, left - after), after),
        );
      }
    };
    repeat(T1, 64 * T1);
  }

  #cancelled(cancel: Message, link: Link): void {
    const callId = cancel.one("Call-ID");
    const invite = this.#ringing.get(callId);
    this.#ringing.delete(callId);
    link.send(cancel.reply(invite === undefined ? "481 Call/Transaction Does Not Exist" : "200 OK"));
    if (invite !== undefined) link.send(invite.reply("487 Request Terminated"));
  }

  #answerOddly(request: Message, link: Link): void {
    const ok = request.method === "INVITE" ? acceptance(request, link) : request.reply("200 OK");
    const answers = [
      ok.replace(/branch=[^;\r]+/, "branch=z9hG4bKsomebody-else"),
      ok.replace(/^CSeq: \d+ \w+/m, "CSeq: 4711 NOTIFY"),
      ok.replace("SIP/2.0 200 OK", "SIP/2.0 999 What"),
      ok.replace(/^Via: .*\r\n/m, ""),
      ok,
      ok,
      request.reply("503 Service Unavailable", { headers: "Retry-After: 1\r\n" }),
      request.reply("180 Ringing"),
    ];
    for (const answer of answers) link.send(answer);
    const late = setTimeout(() => {
      this.#late.delete(late);
      link.send(ok);
    }, TOO_LATE_MS);
    this.#late.add(late);
  }
}

function acceptance(invite: Message, link: Link): string {
  return invite.reply("200 OK", { toTag: "pool", headers: `Contact: ${contact("pool", link)}\r\n` });
}

function tear(request: Message, link: Link): void {
  const whole = request.method === "INVITE" ? acceptance(request, link) : request.reply("200 OK");
  link.send(whole.slice(0, whole.length >> 1));
  // After the bytes have left.
  setTimeout(() => link.close?.(), 5);
}

/** Confirms a subscription, and notifies at once (RFC 6665 §4.2.1). */
function subscribed(subscribe: Message, link: Link): void {
  const state = subscribe.one("Expires") === "0" ? "terminated" : "active";
  link.send(
    subscribe.reply("200 OK", { toTag: "pool", headers: `Contact: ${contact("pool", link)}\r\nExpires: 60\r\n` }),
  );
  const sequence = Number(subscribe.one("CSeq").split(" ")[0]);
  const isFirst = /;tag=/.test(subscribe.one("To")) === false;
  // In a dialog the route set is the first request's, which the later ones do not carry.
  if (!isFirst) return;
  const notify = backInDialog(link, "NOTIFY", sequence, subscribe, "pool");
  link.send(notify.replace("Max-Forwards", `Event: presence\r\nSubscription-State: ${state}\r\nMax-Forwards`));
}
