import { SipCore } from "../../src/sip/core.ts";
import type { Decision, RoutingRequest } from "../../src/sip/decision.ts";
import type { CoreEvent } from "../../src/sip/event.ts";
import type { Flow, Listener, Target } from "../../src/sip/flow.ts";
import { StreamFraming } from "../../src/sip/framing.ts";
import type { CoreHost, LocateQuery, LocateResult } from "../../src/sip/host.ts";
import type { SimSetting } from "./sim-actor.ts";
import { SimMessage } from "./sim-message.ts";
import type { Path, Reach, SimNode } from "./sim-network.ts";

export const GATEWAY_IP = "10.0.1.1";

/** The listeners of the simulated gateway: a second UDP one with a name of its own, so that the two sides may differ. */
export const LISTENERS: readonly Listener[] = [
  listener("udp", 5060, "gw.contoso.com"),
  listener("tcp", 5060, "gw.contoso.com"),
  listener("udp", 5070, "gw-b.contoso.com"),
];

function listener(transport: "udp" | "tcp", port: number, advertisedHost: string): Listener {
  return { transport, family: 4, address: GATEWAY_IP, port, advertisedHost, advertisedPort: port };
}

/** A flow as the core sees a path of the network. */
export class SimFlow implements Flow {
  readonly listener: Listener;
  readonly path: Path;
  readonly remoteAddress: string;
  readonly remotePort: number;

  constructor(listener: Listener, path: Path) {
    this.listener = listener;
    this.path = path;
    const colon = path.peer.indexOf(":");
    this.remoteAddress = path.peer.slice(0, colon);
    this.remotePort = Number(path.peer.slice(colon + 1));
  }

  get transport(): "udp" | "tcp" {
    return this.path.transport;
  }

  get open(): boolean {
    return this.path.open;
  }
}

/** Who looks on at all that goes into the core and comes out of it. */
export interface GatewayWatch {
  received(message: SimMessage, path: Path): void;
  /** The core has done all that it does at once about what was received. */
  handled(): void;
  sent(message: SimMessage, path: Path): void;
  decided(request: RoutingRequest): Decision;
  located(query: LocateQuery, result: LocateResult): void;
  happened(event: CoreEvent): void;
  flowClosed(path: Path): void;
}

/** The core under test as a node of the simulated network. */
export class SimGateway implements SimNode, CoreHost {
  readonly name = "gateway";
  reach: Reach = "up";
  readonly core: SipCore;
  readonly #setting: SimSetting;
  readonly #watch: GatewayWatch;
  readonly #flows = new Map<Path, SimFlow>();
  readonly #framings = new Map<Path, StreamFraming>();
  #ephemeralPort = 30_000;

  /** @param routeKeys keys for the Record-Route URIs; none for unsigned ones */
  constructor(
    setting: SimSetting,
    watch: GatewayWatch,
    seed: number,
    routeKeys: readonly (readonly [number, number])[],
  ) {
    this.#setting = setting;
    this.#watch = watch;
    this.core = new SipCore(this, { listeners: LISTENERS, key: [seed, 0x57a1f057], routeKeys });
    setting.network.attach(this, `${GATEWAY_IP}:5060`, `${GATEWAY_IP}:5070`);
  }

  receive(message: SimMessage, path: Path, bytes = Buffer.from(message.text, "latin1")): void {
    this.#watch.received(message, path);
    if (path.transport === "udp") this.core.receive(bytes, this.#flowOf(path), this.#setting.clock.now);
    else {
      const frames = this.receivePart(bytes, path);
      if (frames !== 1) this.#setting.violation(`one message on a stream became ${frames}`);
    }
    this.#watch.handled();
  }

  /** Bytes of a stream. @returns the number of messages that were cut out of it */
  receivePart(bytes: Buffer, path: Path): number {
    let framing = this.#framings.get(path);
    if (framing === undefined) this.#framings.set(path, (framing = new StreamFraming()));
    framing.push(bytes);
    let frames = 0;
    for (let frame = framing.next(); frame !== undefined; frame = framing.next()) {
      if (frame === "ping") continue;
      frames++;
      this.core.receive(frame, this.#flowOf(path), this.#setting.clock.now);
    }
    if (framing.error !== undefined) this.#setting.violation(`a stream cannot be cut: ${framing.error}`);
    return frames;
  }

  closed(path: Path, reason: string): void {
    const flow = this.#flows.get(path);
    this.#watch.flowClosed(path);
    if (flow !== undefined) this.core.flowClosed(flow, reason, this.#setting.clock.now);
  }

  send(flow: Flow, text: string): void {
    const message = new SimMessage(text);
    const { path } = flow as SimFlow;
    this.#watch.sent(message, path);
    path.send(message);
  }

  connect(target: Target, listener: Listener): Flow {
    const { network } = this.#setting;
    const peer = `${target.address}:${target.port}`;
    if (target.transport !== listener.transport) {
      this.#setting.violation(
        `the core wants to reach ${target.transport} ${peer} from a ${listener.transport} listener`,
      );
    }
    if (listener.transport === "udp") {
      return this.#flowOf(network.datagrams(this, `${GATEWAY_IP}:${listener.port}`, peer));
    }
    for (const stream of network.streams) {
      if (stream.node === this && stream.peer === peer && stream.open) return this.#flowOf(stream);
    }
    return this.#flowOf(network.connect(this, peer, `${GATEWAY_IP}:${this.#ephemeralPort++}`));
  }

  locate(queryId: number, query: LocateQuery): LocateResult | undefined {
    const { directory, clock, note } = this.#setting;
    const { manner, delay } = directory.manner(query.host);
    const result = directory.answer(query);
    if (manner !== "at once") note(`DNS ${manner}`);
    const say = (): void => {
      if (!query.inDialog) directory.said.set(`${query.affinity} ${query.host}`, result);
      this.#watch.located(query, result);
    };
    if (!manner.endsWith("late") && manner !== "never answers") {
      say();
      return result;
    }
    clock.after(delay, () => {
      say();
      this.core.resolved(queryId, result, clock.now);
    });
    return undefined;
  }

  decide(request: RoutingRequest): Decision {
    return this.#watch.decided(request);
  }

  inOrder(targets: readonly Target[]): readonly Target[] {
    return targets;
  }

  reached(): void {}

  hears(): boolean {
    return true;
  }

  event(event: CoreEvent): void {
    this.#watch.happened(event);
  }

  #flowOf(path: Path): SimFlow {
    let flow = this.#flows.get(path);
    if (flow === undefined) {
      const port = Number(path.local.slice(path.local.indexOf(":") + 1));
      const listener =
        path.transport === "tcp" ? LISTENERS[1]! : LISTENERS.find((l) => l.transport === "udp" && l.port === port)!;
      flow = new SimFlow(listener, path);
      this.#flows.set(path, flow);
    }
    return flow;
  }
}
