import { createSocket } from "node:dgram";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { mutate } from "../fuzz/mutate.ts";
import { cancelOf, inDialog, invite, newCallId } from "../live/requests.ts";
import type { Link } from "../live/sip-node.ts";
import type { Bound } from "../support/gateway.ts";
import { SimRandom } from "../support/sim-random.ts";
import type { Message } from "../support/sip-text.ts";
import type { SoakCaller } from "./caller.ts";
import type { SoakPool } from "./pools.ts";

/** Who makes the traffic, and where it goes. */
export interface Scene {
  readonly udp: Bound;
  readonly tcp: Bound;
  /** Trusted: what they ask for has to work. */
  readonly callers: readonly SoakCaller[];
  readonly pools: readonly SoakPool[];
  /** Its calls are left hanging. */
  readonly vanishing: SoakCaller;
  /** Where the nonsense comes from. */
  readonly strangers: readonly string[];
}

/** What became of the transactions of one kind. */
export interface Count {
  begun: number;
  done: number;
  /** 503 with Retry-After, or 481 in a dialog: the gateway said that it has too much to do. */
  refused: number;
  wrong: number;
}

/** An outcome that is not as it should be. */
class Wrong extends Error {}
class Refused extends Error {}

type Kind = keyof typeof WEIGHTS;

const WEIGHTS = {
  "call over UDP": 26,
  "call over TCP": 16,
  "call on a connection of its own": 4,
  "subscription over UDP": 6,
  "subscription over TCP": 6,
  redirect: 8,
  "cancelled call": 6,
  "call that rings too long": 1,
  "call past a dead server": 4,
  "call while the row changes": 5,
  "call to a pool whose DNS lies": 3,
  "caller that vanishes": 4,
  "caller whose connection breaks": 3,
  "pool that hangs": 1,
  "pool that closes in its answer": 2,
  "pool that answers oddly": 2,
  "connection that closes in a message": 2,
  "garbage datagram": 3,
  "garbage connection": 1,
} as const;

/** Mixed load at a rate, until it is told to stop. */
export class Traffic {
  readonly counts = new Map<Kind, Count>();
  /** The first of what was not as it should be. */
  readonly complaints: string[] = [];
  readonly #scene: Scene;
  readonly #random: SimRandom;
  readonly #underWay = new Set<Promise<void>>();
  /** One connection of each caller that is used again and again. */
  readonly #links = new Map<SoakCaller, Promise<Link>>();

  constructor(scene: Scene, seed: number) {
    this.#scene = scene;
    this.#random = new SimRandom(seed);
    for (const kind of Object.keys(WEIGHTS) as Kind[]) {
      this.counts.set(kind, { begun: 0, done: 0, refused: 0, wrong: 0 });
    }
  }

  /** Begins so many transactions a second for so long, then waits until each has come to its end. */
  async run(perSecond: number, seconds: number): Promise<void> {
    const startedAt = performance.now();
    let begun = 0;
    for (let elapsed = 0; elapsed < seconds; elapsed = (performance.now() - startedAt) / 1000) {
      // After a stall what was due is not made up for all at once.
      for (let i = 0; begun < elapsed * perSecond && i < perSecond / 5; i++, begun++) this.#begin();
      begun = Math.max(begun, Math.floor(elapsed * perSecond));
      await sleep(10);
    }
    while (this.#underWay.size > 0) await Promise.race(this.#underWay);
    this.#links.clear();
  }

  #begin(): void {
    const kind = this.#random.weighted(WEIGHTS);
    const count = this.counts.get(kind)!;
    count.begun++;
    const one: Promise<void> = this.#act(kind)
      .then(
        () => void count.done++,
        (error: Error) => {
          if (error instanceof Refused) count.refused++;
          else {
            count.wrong++;
            if (this.complaints.length < 20) this.complaints.push(`${kind}: ${error.message}`);
          }
        },
      )
      .finally(() => this.#underWay.delete(one));
    this.#underWay.add(one);
  }

  #act(kind: Kind): Promise<void> {
    const { callers, vanishing, udp } = this.#scene;
    const caller = this.#random.pick(callers);
    switch (kind) {
      case "call over UDP":
        return this.#call(caller, caller.node.to(udp), "udp");
      case "call over TCP":
        return this.#call(caller, this.#kept(caller), "tcp");
      case "call on a connection of its own":
        return this.#callOnOwnConnection(caller);
      case "subscription over UDP":
        return this.#subscribe(caller, caller.node.to(udp), "udp");
      case "subscription over TCP":
        return this.#subscribe(caller, this.#kept(caller), "tcp");
      case "redirect":
        return this.#expect(caller, "moved", [302]);
      case "cancelled call":
        return this.#cancel(caller);
      case "call that rings too long":
        return this.#expect(caller, "ringing", [487, 408, 500, 504]);
      case "call past a dead server":
        return this.#call(caller, caller.node.to(udp), "failover");
      case "call while the row changes":
        return this.#expect(caller, "changing", [200, 302, 404, 480]);
      case "call to a pool whose DNS lies":
        return this.#expect(caller, "dns", [200, 482, 404, 408, 500, 504]);
      case "caller that vanishes":
        return this.#vanish(vanishing);
      case "caller whose connection breaks":
        return this.#breakOff(vanishing);
      case "pool that hangs":
        return this.#expect(caller, "hanging", [408, 500, 504]);
      case "pool that closes in its answer":
        return this.#expect(caller, "torn", [408, 500, 504]);
      case "pool that answers oddly":
        return this.#expect(caller, "odd", [200, 500]);
      case "connection that closes in a message":
        return this.#closeInMessage();
      case "garbage datagram":
        return this.#garbageDatagram();
      case "garbage connection":
        return this.#garbageConnection();
    }
  }

  /** A connection that is kept, or a new one where that has closed. */
  #kept(caller: SoakCaller): Promise<Link> {
    let link = this.#links.get(caller);
    if (link === undefined) {
      link = caller.node.to(this.#scene.tcp);
      this.#links.set(caller, link);
    }
    return link;
  }

  async #call(caller: SoakCaller, way: Promise<Link>, user: string): Promise<void> {
    const link = await way;
    const ok = wanted(await caller.request(invite(link, { to: `sip:${user}@contoso.com` }), link), [200]);
    for (let sequence = 2; sequence < 5; sequence++) {
      wanted(await caller.request(inDialog(link, sequence === 4 ? "BYE" : "INFO", sequence, ok), link), [200]);
    }
  }

  async #callOnOwnConnection(caller: SoakCaller): Promise<void> {
    const link = await caller.node.to(this.#scene.tcp);
    try {
      await this.#call(caller, Promise.resolve(link), "udp");
    } finally {
      link.close?.();
    }
  }

  async #subscribe(caller: SoakCaller, way: Promise<Link>, user: string): Promise<void> {
    const link = await way;
    const callId = newCallId();
    const text = invite(link, { to: `sip:${user}@contoso.com`, callId, headers: ["Event: presence", "Expires: 60"] })
      .replace("INVITE", "SUBSCRIBE")
      .replace("1 INVITE", "1 SUBSCRIBE");
    const ok = wanted(await caller.request(text, link), [200]);
    const over = inDialog(link, "SUBSCRIBE", 2, ok).replace(
      "Max-Forwards",
      "Event: presence\r\nExpires: 0\r\nMax-Forwards",
    );
    wanted(await caller.request(over, link), [200]);
    for (let i = 0; i < 100 && !caller.notified.has(callId); i++) await sleep(50);
    if (caller.notified.delete(callId)) return;
    if (this.#scene.pools.some(({ refused }) => refused.delete(callId))) throw new Refused();
    throw new Wrong("the NOTIFY of a subscription did not come");
  }

  async #expect(caller: SoakCaller, user: string, statuses: readonly number[]): Promise<void> {
    const link = await caller.node.to(this.#scene.udp);
    const answer = wanted(await caller.request(invite(link, { to: `sip:${user}@contoso.com` }), link), statuses);
    if (answer.status === 200) await caller.request(inDialog(link, "BYE", 2, answer), link);
  }

  async #cancel(caller: SoakCaller): Promise<void> {
    const link = await caller.node.to(this.#scene.udp);
    const text = invite(link, { to: "sip:ringing@contoso.com" });
    let rings = (): void => undefined;
    const ringing = new Promise<void>((resolve) => {
      rings = resolve;
    });
    const invited = caller.request(text, link, rings);
    await Promise.race([ringing, invited]);
    const [answer, ofInvite] = await Promise.all([caller.request(cancelOf(text), link), invited]);
    wanted(ofInvite, [487]);
    wanted(answer, [200]);
  }

  /** INVITEs without an ACK, a CANCEL or anything else. */
  async #vanish(caller: SoakCaller): Promise<void> {
    const link = await caller.node.to(this.#scene.udp);
    const user = this.#random.pick(["udp", "tcp", "ringing", "moved", "nobody", "hanging"]);
    link.send(invite(link, { to: `sip:${user}@contoso.com` }));
  }

  async #breakOff(caller: SoakCaller): Promise<void> {
    const link = await caller.node.to(this.#scene.tcp);
    const user = this.#random.pick(["udp", "tcp", "ringing", "dns"]);
    link.send(invite(link, { to: `sip:${user}@contoso.com` }));
    await sleep(this.#random.pick([0, 2, 20, 300]));
    link.close?.();
  }

  async #closeInMessage(): Promise<void> {
    const { callers, tcp } = this.#scene;
    const link = await this.#scene.vanishing.node.to(tcp);
    const text = invite(link, { to: "sip:udp@contoso.com" });
    link.send(text.slice(0, this.#random.int(1, text.length - 1)));
    await sleep(this.#random.pick([0, 5, 50]));
    link.close?.();
    // The gateway is as well for everybody else.
    await this.#expect(this.#random.pick(callers), "moved", [302]);
  }

  async #garbageDatagram(): Promise<void> {
    const { udp, strangers } = this.#scene;
    const address = this.#random.pick(strangers);
    const socket = createSocket("udp4");
    await new Promise<void>((resolve) => socket.bind(0, address, resolve));
    const like: Link = { transport: "udp", local: `${address}:5060`, send: () => undefined };
    const text = invite(like, { to: this.#random.pick(["sip:udp@contoso.com", "sip:nobody@contoso.com"]) });
    const odd = this.#random.chance(0.3)
      ? Buffer.from(Array.from({ length: 200 }, () => this.#random.int(0, 255)))
      : Buffer.from(mutate(text, text, this.#random), "latin1");
    await new Promise<void>((resolve) => socket.send(odd, udp.port, udp.address, () => resolve()));
    await sleep(100);
    await new Promise<void>((resolve) => socket.close(resolve));
  }

  async #garbageConnection(): Promise<void> {
    const { tcp, strangers } = this.#scene;
    const localAddress = this.#random.pick(strangers);
    const socket = connect({ port: tcp.port, host: tcp.address, localAddress });
    const closed = new Promise<void>((resolve) => socket.on("error", () => undefined).on("close", () => resolve()));
    socket.write(
      this.#random.pick([
        "GET / HTTP/1.1\r\nHost: gw\r\n\r\n",
        "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        "INVITE sip:a@b SIP/2.0\r\nContent-Length: 999999999\r\n\r\n",
        "\0\0\0\0\0\0\0\0",
      ]),
      "latin1",
    );
    await Promise.race([closed, sleep(2000)]);
    socket.destroy();
  }
}

function wanted(answer: Message | undefined, statuses: readonly number[]): Message {
  if (answer === undefined) throw new Wrong("no answer came");
  if (statuses.includes(answer.status)) return answer;
  const why = answer.all("Warning")[0] ?? "";
  // Inside a dialog it is a 481 that gives no reason; pools name no Server, and other 481 of the gateway say why.
  const unread = answer.status === 481 && answer.all("Server")[0] === "Waypost" && why === "";
  if (unread || why.includes("overloaded") || why.includes("as many transactions as it may")) throw new Refused();
  throw new Wrong(`${answer.startLine} to ${answer.one("CSeq")} ${why}`);
}
