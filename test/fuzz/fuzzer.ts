import { SipCore } from "../../src/sip/core.ts";
import type { Decision } from "../../src/sip/decision.ts";
import type { Flow, Listener, Target } from "../../src/sip/flow.ts";
import { StreamFraming } from "../../src/sip/framing.ts";
import type { CoreHost, LocateQuery, LocateResult } from "../../src/sip/host.ts";
import { parseNameAddr } from "../../src/sip/name-addr.ts";
import { parseMessage } from "../../src/sip/parse.ts";
import { refuseUnread, unreadKind } from "../../src/sip/unread.ts";
import { parseUri } from "../../src/sip/uri.ts";
import { parseVia } from "../../src/sip/via.ts";
import { listener } from "../support/core-harness.ts";
import { SimRandom } from "../support/sim-random.ts";
import { TABLE } from "../torture/table.ts";
import { fromPool, inDialog, lookupInvite } from "../wire/texts.ts";
import { SipGrammar } from "./grammar.ts";
import { mutate } from "./mutate.ts";

const LISTENERS = [listener("udp"), listener("tcp")];
const SEEDS = [
  ...TABLE.map(({ message }) => message),
  lookupInvite(),
  inDialog("INFO"),
  inDialog("ACK"),
  fromPool("INFO"),
];
const DECISIONS: readonly Decision[] = [
  { kind: "proxy", nextHops: ["sip:10.2.0.1", "sip:pcpool.contoso.com"], endpoint: "sip:ocschat@contoso.com" },
  { kind: "proxy", nextHops: ["sip:pcpool.contoso.com;transport=tcp"] },
  { kind: "redirect", status: 302, contacts: ["sip:ocschat@pcpool.contoso.com"], endpoint: "sip:ocschat@contoso.com" },
  { kind: "reject", status: 404, reason: "Not Found", explanation: "no endpoint" },
];

class FuzzFlow implements Flow {
  readonly listener: Listener;
  readonly remoteAddress: string;
  readonly remotePort = 5060;
  open = true;

  constructor(of: Listener, remoteAddress: string) {
    this.listener = of;
    this.remoteAddress = remoteAddress;
  }

  get transport() {
    return this.listener.transport;
  }
}

/** What came of a run. */
export interface FuzzResult {
  readonly messages: number;
  /** Messages of the core's own, by kind. */
  readonly sent: number;
  readonly forwarded: number;
  /** Requests that reached routing, so that was no use to fuzz the first checks alone. */
  readonly decided: number;
  /** The messages that broke something, and what. */
  readonly findings: readonly { readonly message: string; readonly what: string }[];
}

/**
 * Feeds messages to parser, framing, URI, Via and the whole core, whose own requests are answered with messages just as
 * odd. The same seed gives the same run.
 */
export class Fuzzer implements CoreHost {
  readonly core: SipCore;
  readonly #random: SimRandom;
  readonly #grammar: SipGrammar;
  readonly #flows: FuzzFlow[] = [];
  readonly #findings: { message: string; what: string }[] = [];
  readonly #pending: { bytes: Buffer; flow: Flow }[] = [];
  readonly #queries: number[] = [];
  #now = 1_000_000;
  #messages = 0;
  #sent = 0;
  #forwarded = 0;
  #decided = 0;
  #current = "";

  constructor(seed: number) {
    this.#random = new SimRandom(seed);
    this.#grammar = new SipGrammar(this.#random);
    this.core = new SipCore(this, { listeners: LISTENERS, key: [seed, 1], routeKeys: [[2, seed]] });
    for (const of of LISTENERS)
      for (const ip of ["10.1.0.1", "10.2.0.1", "203.0.113.9"]) this.#flows.push(new FuzzFlow(of, ip));
  }

  /** Runs so many more messages. */
  run(count: number): FuzzResult {
    for (let i = 0; i < count; i++) this.#step();
    return this.result;
  }

  get result(): FuzzResult {
    return {
      messages: this.#messages,
      sent: this.#sent,
      forwarded: this.#forwarded,
      decided: this.#decided,
      findings: this.#findings,
    };
  }

  /** Lets everything that is under way come to its end, and tells what is left. */
  settle(): object {
    for (const id of this.#queries.splice(0)) this.core.resolved(id, { ok: false, reason: "over" }, this.#now);
    const end = this.#now + 4_000_000;
    for (let due = this.core.nextDue; due <= end; due = this.core.nextDue) {
      this.#now = Math.max(this.#now, due);
      this.core.tick(this.#now);
      for (const id of this.#queries.splice(0)) this.core.resolved(id, { ok: false, reason: "over" }, this.#now);
      this.#pending.length = 0;
    }
    return this.core.load;
  }

  #step(): void {
    const random = this.#random;
    this.#messages++;
    const drawn = random.chance(0.6) ? this.#grammar.message() : random.pick(SEEDS);
    const text = random.chance(0.5) ? mutate(drawn, random.pick(SEEDS), random) : drawn;
    this.#current = text;
    try {
      const bytes = Buffer.from(text, "latin1");
      this.#parts(bytes, text);
      const index = random.int(0, this.#flows.length - 1);
      const flow = this.#flows[index]!;
      if (flow.transport === "udp") this.core.receive(bytes, flow, this.#now);
      else this.#stream(bytes, index);
      this.#answer();
      if (random.chance(0.3)) this.#advance(random.pick([1, 50, 500, 5000, 40_000]));
      if (this.#queries.length > 0 && random.chance(0.5)) this.#resolve();
      // However much comes, an hour of virtual time ends it.
      if (this.#messages % 5000 === 0) this.settle();
    } catch (error) {
      this.#find((error as Error).stack ?? String(error));
    }
  }

  /** The parts by themselves, with texts that the core would not hand them. */
  #parts(bytes: Buffer, text: string): void {
    const start = this.#random.int(0, text.length);
    parseUri(text.slice(start, start + 200));
    parseVia(text, start, text.length);
    parseNameAddr(text, start, text.length);
    const refused = refuseUnread(
      bytes,
      { address: "192.0.2.1", port: 5060 },
      "SIP/2.0 503 Service Unavailable",
      "t",
      "",
    );
    if (refused !== undefined && !(refused.port > 0 && refused.port < 65_536)) this.#find(`port ${refused.port}`);
    const parsed = parseMessage(bytes);
    if (parsed.kind !== "message" || !parsed.message.isRequest) return;
    const { method, to } = parsed.message;
    const vital = ["ACK", "CANCEL", "BYE"].includes(method);
    const kind = vital ? "vital" : to!.tag === undefined ? "new" : "in-dialog";
    const unread = unreadKind(bytes);
    if (unread !== kind && to!.tag !== "") this.#find(`unread it is ${unread}, read it is ${kind}`);
  }

  /** Through a connection: cut anywhere, and closed when it cannot go on or just so. */
  #stream(bytes: Buffer, index: number): void {
    const flow = this.#flows[index]!;
    const framing = new StreamFraming();
    for (let at = 0; at < bytes.length; ) {
      const end = Math.min(bytes.length, at + this.#random.int(1, this.#random.pick([3, 100, 100_000])));
      framing.push(Buffer.from(bytes.subarray(at, end)));
      at = end;
      for (let frame = framing.next(); frame !== undefined; frame = framing.next()) {
        if (frame !== "ping") this.core.receive(frame, flow, this.#now);
      }
      if (framing.error !== undefined) break;
    }
    if (framing.error === undefined && !this.#random.chance(0.02)) return;
    flow.open = false;
    this.#flows[index] = new FuzzFlow(flow.listener, flow.remoteAddress);
    this.core.flowClosed(flow, "closed", this.#now);
  }

  /** What the core has asked of others: answered rightly, oddly, twice, or not at all. */
  #answer(): void {
    const random = this.#random;
    for (const { bytes, flow } of this.#pending.splice(0)) {
      if (!flow.open || random.chance(0.3)) continue;
      const head = bytes.toString("latin1");
      const kept = (head.match(/^(?:Via|From|To|Call-ID|CSeq|Record-Route):.*(?:\r\n[ \t].*)*\r\n/gm) ?? []).join("");
      const tagged = kept.replace(/^(To:(?!.*;tag=)[^\r]*)\r\n/m, "$1;tag=pool\r\n");
      const status = random.pick([
        "100 Trying",
        "180 Ringing",
        "200 OK",
        "200 OK",
        "302 Moved",
        "404 No",
        "503 Busy",
        "401 Who",
      ]);
      const answer = `SIP/2.0 ${status}\r\n${tagged}Content-Length: 0\r\n\r\n`;
      for (let times = random.chance(0.1) ? 2 : 1; times > 0; times--) {
        const text = random.chance(0.2) ? mutate(answer, head, random) : answer;
        this.core.receive(Buffer.from(text, "latin1"), flow, this.#now);
      }
    }
  }

  #advance(ms: number): void {
    const end = this.#now + ms;
    for (let due = this.core.nextDue; due <= end; due = this.core.nextDue) {
      this.#now = Math.max(this.#now, due);
      this.core.tick(this.#now);
      if (this.#pending.length > 100) this.#pending.length = 0;
    }
    this.#now = end;
  }

  #resolve(): void {
    const id = this.#queries.splice(this.#random.int(0, this.#queries.length - 1), 1)[0]!;
    this.core.resolved(id, this.#lookedUp("udp"), this.#now);
    // A late second answer changes nothing.
    if (this.#random.chance(0.1)) this.core.resolved(id, { ok: false, reason: "again" }, this.#now);
  }

  /** DNS that fails, that lies, and that tells the truth. */
  #lookedUp(transport: "udp" | "tcp"): LocateResult {
    if (this.#random.chance(0.2)) return { ok: false, reason: "no such name" };
    const address = this.#random.pick(["10.2.0.1", "10.2.0.2", "203.0.113.66", "198.51.100.1"]);
    return { ok: true, targets: [{ transport, address, port: 5060, host: "pcpool.contoso.com" }] };
  }

  #find(what: string): void {
    if (this.#findings.length < 20) this.#findings.push({ message: this.#current, what });
  }

  send(flow: Flow, text: string): void {
    this.#sent++;
    if (!flow.open) this.#find("it sends on a closed flow");
    // An answer to a broken request holds what was broken; what is forwarded has to be sound.
    if (text.startsWith("SIP/2.0 ")) return;
    const bytes = Buffer.from(text, "latin1");
    const parsed = parseMessage(bytes);
    this.#forwarded++;
    if (parsed.kind !== "message") this.#find(`it forwards what cannot be read: ${text.slice(0, 2000)}`);
    else if (parsed.message.method !== "ACK") this.#pending.push({ bytes, flow });
  }

  connect(target: Target, from: Listener): Flow {
    const known = this.#flows.find(
      (flow) => flow.listener === from && flow.remoteAddress === target.address && flow.open,
    );
    if (known !== undefined) return known;
    const flow = new FuzzFlow(from, target.address);
    if (this.#flows.length < 50) this.#flows.push(flow);
    return flow;
  }

  locate(queryId: number, query: LocateQuery): LocateResult | undefined {
    const transport = query.transport === "tcp" ? "tcp" : "udp";
    if (/^[\d.]+$/.test(query.host)) {
      return { ok: true, targets: [{ transport, address: query.host, port: query.port ?? 5060, host: query.host }] };
    }
    if (this.#random.chance(0.7)) return this.#lookedUp(transport);
    this.#queries.push(queryId);
    return undefined;
  }

  decide(): Decision {
    this.#decided++;
    return this.#random.pick(DECISIONS);
  }

  inOrder(targets: readonly Target[]): readonly Target[] {
    return targets;
  }

  hears(): boolean {
    return true;
  }

  reached(): void {}

  event(): void {}
}
