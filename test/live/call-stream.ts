import { EventEmitter, once } from "node:events";
import { setTimeout as after } from "node:timers/promises";
import { eventually } from "../support/eventually.ts";
import type { Bound, Closing } from "../support/gateway.ts";
import { Message } from "../support/sip-text.ts";
import { ackFor, inDialog, invite, newCallId } from "./requests.ts";
import { type Link, SipNode } from "./sip-node.ts";

const INTERVAL_MS = 8;
/** How long the last answers may take on a busy machine. */
const LATE_MS = 30_000;
/** More calls than that do not wait at the same time: a machine that is behind is not driven further behind. */
const MOST_WAITING = 100;

/** A call of the stream. Times are ms on the clock of `performance.now()`. */
export interface StreamCall {
  readonly callId: string;
  readonly sentAt: number;
  readonly invite: Message;
  answeredAt?: number;
  /** `404`, `302`, or `200 from` whoever the Contact names. */
  answer?: string;
}

/** Calls one address again and again, over each way in turn. Every INVITE is sent once and never again. */
export class CallStream {
  readonly calls: StreamCall[] = [];
  readonly #byCallId = new Map<string, StreamCall>();
  readonly #events = new EventEmitter().setMaxListeners(0);
  readonly #timer: NodeJS.Timeout;
  #answered = 0;

  private constructor(node: SipNode, links: readonly Link[], address: string, intervalMs: number) {
    node.take = (message, link) => this.#received(message, link);
    this.#timer = setInterval(() => {
      const count = this.calls.length;
      if (count - this.#answered < MOST_WAITING) this.#call(links[count % links.length]!, address);
    }, intervalMs);
  }

  static async start(
    t: Closing,
    ways: readonly Bound[],
    address: string,
    intervalMs = INTERVAL_MS,
  ): Promise<CallStream> {
    const node = await SipNode.start(t);
    const stream = new CallStream(node, await Promise.all(ways.map((way) => node.to(way))), address, intervalMs);
    t.teardown(() => clearInterval(stream.#timer));
    return stream;
  }

  /** Resolves when a call that was sent after this moment has been answered, and gives it. */
  answeredAfter(moment: number): Promise<StreamCall> {
    return eventually("an answered call", () =>
      this.calls.find(({ sentAt, answeredAt }) => sentAt > moment && answeredAt !== undefined),
    );
  }

  /** Resolves when each of the first so many calls has its answer, or after a long while. */
  async answered(count: number): Promise<void> {
    const giveUp = new AbortController();
    const late = after(LATE_MS, undefined, { signal: giveUp.signal }).catch(() => {});
    const first = this.calls.slice(0, count);
    while (first.some(({ answeredAt }) => answeredAt === undefined)) {
      const answered = await Promise.race([once(this.#events, "answer"), late]);
      if (answered === undefined) break;
    }
    giveUp.abort();
  }

  /** Ends the stream and gives the calls that got no answer, for which it waits a while. */
  async end(): Promise<StreamCall[]> {
    clearInterval(this.#timer);
    await this.answered(this.calls.length);
    return this.calls.filter(({ answeredAt }) => answeredAt === undefined);
  }

  #call(link: Link, to: string): void {
    const callId = newCallId();
    const text = invite(link, { to, callId });
    const call = { callId, sentAt: performance.now(), invite: new Message(text) };
    this.calls.push(call);
    this.#byCallId.set(callId, call);
    link.send(text);
  }

  #received(message: Message, link: Link): boolean {
    const call = this.#byCallId.get(message.one("Call-ID"));
    if (call === undefined || message.status < 200) return true;
    link.send(message.status < 300 ? inDialog(link, "ACK", 1, message) : ackFor(call.invite, message));
    if (call.answeredAt !== undefined) return true;
    call.answeredAt = performance.now();
    this.#answered++;
    const server = /<sip:([^@>]+)@/.exec(message.all("Contact")[0] ?? "")?.[1];
    call.answer = message.status < 300 ? `200 from ${server}` : String(message.status);
    this.#events.emit("answer");
    return true;
  }
}
