import { randomInt } from "node:crypto";
import { type DnsServer, exchangeTcp, exchangeUdp } from "./dns-exchange.ts";
import { encodeQuery, readReply } from "./dns-message.ts";
import type { Answer, Question } from "./records.ts";

/** How long to wait, in ms. */
export interface DnsTimes {
  /** For the first try of each server; further tries wait twice as long. */
  readonly tryMs: number;
  /** For all tries of a question together. */
  readonly lookupMs: number;
}

/** The outcome of one question, and which server told it. */
export interface LookupResult {
  readonly answer: Answer;
  readonly server: DnsServer | undefined;
}

/** With a single server a question is asked this often. */
const LEAST_TRIES = 3;
const UNREACHABLE = "unreachable";

/**
 * Asks one question: the servers in their order, round after round, over UDP, and over TCP what does not fit.
 * A server that is late may still answer while the next one is asked; one that cannot answer is not asked again.
 */
export class DnsLookup {
  readonly #question: Question;
  readonly #servers: readonly DnsServer[];
  readonly #times: DnsTimes;
  readonly #done: (result: LookupResult) => void;
  readonly #failed = new Map<DnsServer, string>();
  readonly #withoutEdns = new Set<DnsServer>();
  readonly #exchanges = new Set<() => void>();
  readonly #limit: NodeJS.Timeout;
  #tries = 0;
  #next: NodeJS.Timeout | undefined;
  #over = false;

  /** @param servers at least one. @param done called once, never from within the constructor */
  constructor(
    question: Question,
    servers: readonly DnsServer[],
    times: DnsTimes,
    done: (result: LookupResult) => void,
  ) {
    this.#question = question;
    this.#servers = servers;
    this.#times = times;
    this.#done = done;
    this.#limit = later(times.lookupMs, () => this.#fail());
    this.#try();
  }

  /** Ends the look-up without an answer. */
  abort(): void {
    this.#finish({ kind: "failed", reason: `the look-up of ${this.#question.name} was given up` }, undefined);
  }

  #try(): void {
    if (this.#over) return;
    const round = Math.floor(this.#tries / this.#servers.length);
    const server = this.#nextServer();
    if (server === undefined) {
      this.#fail();
      return;
    }
    // Those asked may still answer; the limit ends the wait for them.
    if (this.#tries > Math.max(LEAST_TRIES, 2 * this.#servers.length)) return;
    this.#exchange(server, exchangeUdp);
    this.#next = later(this.#times.tryMs * (round === 0 ? 1 : 2), () => this.#try());
  }

  /** The next one in turn that may still know; undefined when none is left. */
  #nextServer(): DnsServer | undefined {
    for (let step = 0; step < this.#servers.length; step++) {
      const server = this.#servers[this.#tries++ % this.#servers.length]!;
      if (!this.#failed.has(server)) return server;
    }
    return undefined;
  }

  #exchange(server: DnsServer, exchange: typeof exchangeUdp): void {
    const id = randomInt(0x10000);
    const query = encodeQuery(this.#question, id, !this.#withoutEdns.has(server));
    let end: () => void = () => undefined;
    const over = (): void => {
      end();
      this.#exchanges.delete(end);
    };
    end = exchange(server, query, {
      message: (bytes) => {
        const reply = readReply(bytes, this.#question, id);
        if (this.#over || reply === undefined) return;
        over();
        if (reply.kind === "answer") this.#finish(reply.answer, server);
        else if (reply.kind === "error") this.#error(server, reply.code);
        else if (exchange === exchangeTcp) this.#serverFailed(server, "truncated over TCP");
        else this.#exchange(server, exchangeTcp);
      },
      failed: () => {
        over();
        this.#serverFailed(server, exchange === exchangeTcp ? "unreachable over TCP" : UNREACHABLE);
      },
    });
    this.#exchanges.add(end);
  }

  /** RFC 6891 §7: a server that knows no EDNS says FORMERR, or NOTIMP if it is old. */
  #error(server: DnsServer, code: string): void {
    if ((code === "FORMERR" || code === "NOTIMP") && !this.#withoutEdns.has(server)) {
      this.#withoutEdns.add(server);
      this.#exchange(server, exchangeUdp);
    } else this.#serverFailed(server, code);
  }

  #serverFailed(server: DnsServer, why: string): void {
    if (this.#over) return;
    this.#failed.set(server, why);
    clearTimeout(this.#next);
    this.#try();
  }

  #fail(): void {
    const { name } = this.#question;
    const whys = [...this.#failed.values()];
    const code = whys.find((why) => why !== UNREACHABLE);
    let reason = `DNS gave no answer for ${name}`;
    if (code !== undefined) reason = `the DNS server failed to look up ${name} (${code})`;
    else if (whys.length === this.#servers.length) reason = `no DNS server could be reached to look up ${name}`;
    this.#finish({ kind: "failed", reason }, undefined);
  }

  #finish(answer: Answer, server: DnsServer | undefined): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#limit);
    clearTimeout(this.#next);
    for (const end of this.#exchanges) end();
    this.#exchanges.clear();
    this.#done({ answer, server });
  }
}

/** After a stall of the event loop an answer may lie there already: it is read before `act` comes. */
function later(ms: number, act: () => void): NodeJS.Timeout {
  return setTimeout(() => setImmediate(act), ms).unref();
}
