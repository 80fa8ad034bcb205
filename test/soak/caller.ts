import { ackFor, inDialog } from "../live/requests.ts";
import { type Link, SipNode } from "../live/sip-node.ts";
import type { Closing } from "../support/gateway.ts";
import { Message } from "../support/sip-text.ts";

const T1 = 500;
const T2 = 4000;
/** No answer is to be expected later than this. */
const PATIENCE_MS = 45_000;

interface Asked {
  readonly answered: (answer: Message | undefined) => void;
  provisional: (() => void) | undefined;
}

/** A caller of a soak: sends requests as RFC 3261 §17 has it, repetitions included, and answers what it is asked. */
export class SoakCaller {
  readonly node: SipNode;
  /** NOTIFYs that came, by Call-ID. */
  readonly notified = new Set<string>();
  readonly #asked = new Map<string, Asked>();
  /** ACKs of 2xx, for 2xx that come again. */
  readonly #acks = new Map<string, string>();

  private constructor(node: SipNode) {
    this.node = node;
    node.take = (message, link) => {
      this.#take(message, link);
      return true;
    };
  }

  static async start(t: Closing, host: string): Promise<SoakCaller> {
    return new SoakCaller(await SipNode.start(t, host));
  }

  /** Waits for answers no longer. */
  rest(): void {
    for (const { answered } of this.#asked.values()) answered(undefined);
    this.notified.clear();
    this.#acks.clear();
    this.node.hangUp();
  }

  /** The final answer; undefined when none comes. An INVITE's is acknowledged. @param provisional called at the first 18x */
  async request(text: string, link: Link, provisional?: () => void): Promise<Message | undefined> {
    const sent = new Message(text);
    const key = `${sent.one("Call-ID")} ${sent.one("CSeq")}`;
    let timer: NodeJS.Timeout | undefined;
    const answer = await new Promise<Message | undefined>((resolve) => {
      this.#asked.set(key, { answered: resolve, provisional });
      const send = (after: number, left: number): void => {
        if (left <= 0) resolve(undefined);
        else {
          if (link.transport === "udp" || left === PATIENCE_MS) link.send(text);
          timer = setTimeout(() => send(Math.min(2 * after, T2), left - after), after);
        }
      };
      send(T1, PATIENCE_MS);
    });
    clearTimeout(timer);
    this.#asked.delete(key);
    if (answer !== undefined && sent.method === "INVITE") {
      const ack = answer.status < 300 ? inDialog(link, "ACK", 1, answer) : ackFor(sent, answer);
      link.send(ack);
      this.#acks.set(key, ack);
      setTimeout(() => this.#acks.delete(key), 64 * T1).unref();
    }
    return answer;
  }

  #take(message: Message, link: Link): void {
    if (message.status === 0) {
      if (message.method === "ACK") return;
      if (message.method === "NOTIFY") this.notified.add(message.one("Call-ID"));
      link.send(message.reply("200 OK"));
      return;
    }
    const key = `${message.one("Call-ID")} ${message.one("CSeq")}`;
    const asked = this.#asked.get(key);
    if (message.status >= 200) asked?.answered(message);
    else if (message.status > 100) {
      asked?.provisional?.();
      if (asked !== undefined) asked.provisional = undefined;
    }
    const ack = this.#acks.get(key);
    if (asked === undefined && ack !== undefined && message.status >= 200) link.send(ack);
  }
}
