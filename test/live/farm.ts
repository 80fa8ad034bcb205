import { Resolver } from "node:dns/promises";
import { connect, type Socket } from "node:net";
import type { Closing } from "../support/gateway.ts";
import { Message } from "../support/sip-text.ts";
import type { Link } from "./sip-node.ts";

interface Pending {
  readonly text: string;
  readonly answered: (message: Message) => void;
}

interface Way {
  readonly socket: Socket;
  open: boolean;
}

/**
 * How a front end or a pool reaches a name behind which several gateways stand: by its SRV records over TCP, and by the
 * next one when a connection ends; what is not answered then is sent again there (RFC 3263 §4.3).
 */
export class Farm {
  /** Answers a request that a gateway sends on one of our connections. */
  take: ((message: Message) => string) | undefined;
  /** Requests that were sent again. */
  resent = 0;
  readonly #ways: Way[] = [];
  readonly #pending = new Map<string, Pending & { way: Way }>();

  /** @param name found at this DNS server @param dnsPort on 127.0.0.1 */
  static async connect(t: Closing, name: string, dnsPort: number): Promise<Farm> {
    const resolver = new Resolver();
    resolver.setServers([`127.0.0.1:${dnsPort}`]);
    const records = await resolver.resolveSrv(`_sip._tcp.${name}`);
    const farm = new Farm();
    for (const { port, name: target } of records.sort((a, b) => a.port - b.port)) {
      const [address] = await resolver.resolve4(target);
      farm.#ways.push(await farm.#open(port, address!));
    }
    t.teardown(() => farm.#ways.forEach(({ socket }) => void socket.destroy()));
    return farm;
  }

  /** Sends a request and gives its final answer. @param prefer which gateway, as long as it lives */
  request(text: string, prefer = 0): Promise<Message> {
    return new Promise((answered) => this.#send({ text, answered }, prefer));
  }

  /** Sends what gets no answer, such as an ACK. */
  send(text: string, prefer = 0): void {
    this.#way(prefer).socket.write(text, "latin1");
  }

  /** Stands for a link where the text of a request is made. @param local where the sender listens */
  link(local: string, prefer = 0): Link {
    return { transport: "tcp", local, send: (text) => this.send(text, prefer) };
  }

  #way(prefer: number): Way {
    const count = this.#ways.length;
    for (let i = 0; i < count; i++) {
      const way = this.#ways[(prefer + i) % count]!;
      if (way.open) return way;
    }
    throw new Error("no gateway is left");
  }

  #send(pending: Pending, prefer: number): void {
    const way = this.#way(prefer);
    this.#pending.set(keyOf(new Message(pending.text)), { ...pending, way });
    way.socket.write(pending.text, "latin1");
  }

  async #open(port: number, address: string): Promise<Way> {
    const socket = connect(port, address).setNoDelay(true);
    await new Promise((resolve, reject) => socket.once("connect", resolve).once("error", reject));
    const way: Way = { socket, open: true };
    let text = "";
    socket.setEncoding("latin1").on("error", () => undefined);
    socket.on("data", (part: string) => {
      text += part;
      for (let end = text.indexOf("\r\n\r\n"); end >= 0; end = text.indexOf("\r\n\r\n")) {
        this.#receive(new Message(text.slice(0, end + 4)), way);
        text = text.slice(end + 4);
      }
    });
    socket.on("close", () => {
      way.open = false;
      for (const [key, pending] of this.#pending) {
        if (pending.way !== way) continue;
        this.#pending.delete(key);
        this.resent++;
        // Another transaction than the one that is lost.
        this.#send({ ...pending, text: pending.text.replace(/(branch=z9hG4bK[^;\s]*)/, "$1-again") }, 0);
      }
    });
    return way;
  }

  #receive(message: Message, { socket }: Way): void {
    if (message.status === 0) {
      if (this.take !== undefined) socket.write(this.take(message), "latin1");
      return;
    }
    const key = keyOf(message);
    const pending = this.#pending.get(key);
    if (pending === undefined || message.status < 200) return;
    this.#pending.delete(key);
    pending.answered(message);
  }
}

function keyOf(message: Message): string {
  return `${message.one("Call-ID")} ${message.one("CSeq")}`;
}
