import { SipCore } from "../../src/sip/core.ts";
import type { Decision } from "../../src/sip/decision.ts";
import type { CoreEvent } from "../../src/sip/event.ts";
import type { Flow, Listener, Target } from "../../src/sip/flow.ts";
import type { LocateQuery, LocateResult } from "../../src/sip/host.ts";
import { SimMessage } from "./sim-message.ts";

/** A message that left the core. */
export interface Sent {
  readonly at: number;
  readonly message: SimMessage;
  readonly flow: Flow;
}

const listener = (transport: "udp" | "tcp"): Listener => ({
  transport,
  family: 4,
  address: "10.0.1.1",
  port: 5060,
  advertisedHost: "gw.contoso.com",
  advertisedPort: 5060,
});
const LISTENERS = { udp: listener("udp"), tcp: listener("tcp") };

/** The core alone on a bench: one caller, one next hop, no network; every message and its time are kept. */
export class SimBench {
  readonly caller: Flow;
  readonly sent: Sent[] = [];
  readonly events: CoreEvent[] = [];
  readonly core: SipCore;
  now = 0;
  decision: Decision = { kind: "proxy", nextHops: ["sip:pool.contoso.com"], endpoint: "sip:ocschat@contoso.com" };
  targets: Target[];
  /** The flows to targets, by address. */
  readonly flows = new Map<string, Flow & { open: boolean }>();

  /** @param inbound the caller's transport @param outbound that of the pool */
  constructor(inbound: "udp" | "tcp", outbound: "udp" | "tcp") {
    this.caller = flow(inbound, "10.0.0.1", 5060);
    this.targets = [{ transport: outbound, address: "10.0.2.1", port: 5060, host: "pool.contoso.com" }];
    this.core = new SipCore(
      {
        send: (to, text) => {
          this.sent.push({ at: this.now, message: new SimMessage(text), flow: to });
        },
        connect: (target) => this.flowTo(target),
        locate: (_id, query) => this.locate(query),
        decide: () => this.decision,
        inOrder: (targets) => targets,
        reached: () => {},
        hears: () => true,
        event: (event) => this.events.push(event),
      },
      { listeners: [LISTENERS.udp, LISTENERS.tcp], key: [1, 2] },
    );
  }

  get pool(): Flow {
    return this.flowTo(this.targets[0]!);
  }

  flowTo(target: Target): Flow {
    const key = `${target.transport} ${target.address}:${target.port}`;
    const known = this.flows.get(key) ?? flow(target.transport === "tcp" ? "tcp" : "udp", target.address, target.port);
    this.flows.set(key, known);
    return known;
  }

  receive(message: SimMessage | string, from: Flow): void {
    const text = typeof message === "string" ? message : message.text;
    this.core.receive(Buffer.from(text, "latin1"), from, this.now);
  }

  /** The connection to a target breaks; the next flow to it is another one. */
  breakDown(target: Target): void {
    const key = `${target.transport} ${target.address}:${target.port}`;
    const broken = this.flows.get(key)!;
    this.flows.delete(key);
    broken.open = false;
    this.core.flowClosed(broken, "ECONNRESET", this.now);
  }

  /** Lets the clock run up to `time`, that moment included. */
  runTo(time: number): void {
    while (this.core.nextDue <= time) {
      this.now = this.core.nextDue;
      this.core.tick(this.now);
    }
    this.now = time;
  }

  /** The times at which messages left whose start line begins so. */
  times(start: string): number[] {
    return this.sent.filter(({ message }) => message.start.startsWith(start)).map(({ at }) => at);
  }

  /** The latest message whose start line begins so. */
  last(start: string): SimMessage {
    const found = this.sent.findLast(({ message }) => message.start.startsWith(start));
    if (found === undefined) throw new Error(`nothing was sent that begins with ${start}`);
    return found.message;
  }

  private locate({ host, port = 5060, transport = "udp" }: LocateQuery): LocateResult {
    if (host === "pool.contoso.com") return { ok: true, targets: this.targets };
    return { ok: true, targets: [{ transport, address: host, port, host }] };
  }
}

function flow(transport: "udp" | "tcp", remoteAddress: string, remotePort: number): Flow & { open: boolean } {
  return { listener: LISTENERS[transport], transport, remoteAddress, remotePort, open: true };
}
