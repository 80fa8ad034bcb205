import type { SimClock } from "./sim-clock.ts";
import type { SimMessage } from "./sim-message.ts";
import type { SimRandom } from "./sim-random.ts";

/** How the network treats what is sent; all times in ms, probabilities from 0 to 1. */
export interface Conditions {
  readonly loss: number;
  readonly duplication: number;
  readonly delay: number;
  /** Added at random, so that datagrams overtake each other. */
  readonly jitter: number;
  /** That a connection breaks in the middle of a message. */
  readonly tearing: number;
  /** Datagrams arrive at multiples of this, so that several come in one burst. Absent = each at its own time. */
  readonly burst?: number;
}

/** Where the host of a node stands: it answers, it swallows everything, or its kernel refuses everything. */
export type Reach = "up" | "silent" | "refusing";

export interface SimNode {
  readonly name: string;
  reach: Reach;
  /** @param bytes the same as they came over a real socket, if they did */
  receive(message: SimMessage, path: Path, bytes?: Buffer): void;
  /** The beginning of a message that will not be whole. */
  receivePart?(bytes: Buffer, path: Path): void;
  /** A connection ended, or (UDP) a datagram could not be sent. */
  closed(path: Path, reason: string): void;
}

/** A way to send to one peer. `local` and `peer` are `ip:port`. */
export interface Path {
  readonly transport: "udp" | "tcp";
  readonly local: string;
  readonly peer: string;
  readonly open: boolean;
  send(message: SimMessage): void;
}

/** What the run wants to know of the network. */
export interface NetworkWatch {
  note(feature: string): void;
  trace(from: string, to: string, fate: string, message: SimMessage | string): void;
}

/** A datagram of the gateway that a real socket carries. */
export interface Carriage {
  /** What arrived; undefined as long as it is under way. */
  message: SimMessage | undefined;
}

/** What carries the datagrams of the gateway in place of memory; see sim-wire.ts. */
export interface DatagramCarrier {
  /** Whether it is one of the gateway to somebody else. */
  carries(from: string, to: string): boolean;
  fromGateway(from: string, to: string, message: SimMessage): Carriage;
  toGateway(from: string, to: string, message: SimMessage, deliver: (bytes: Buffer) => void): void;
}

const CONNECT_TIMEOUT = 6000;

/** Datagrams that get lost, doubled, late and out of order, and streams that keep their order but may break. */
export class SimNetwork {
  readonly clock: SimClock;
  readonly watch: NetworkWatch;
  readonly conditions: Conditions;
  readonly streams = new Set<Stream>();
  readonly #random: SimRandom;
  readonly #nodes = new Map<string, SimNode>();
  readonly #lastArrival = new Map<string, number>();
  readonly #carrier: DatagramCarrier | undefined;

  constructor(
    clock: SimClock,
    random: SimRandom,
    conditions: Conditions,
    watch: NetworkWatch,
    carrier?: DatagramCarrier,
  ) {
    this.#carrier = carrier;
    this.clock = clock;
    this.#random = random;
    this.conditions = conditions;
    this.watch = watch;
  }

  attach(node: SimNode, ...addresses: readonly string[]): void {
    for (const address of addresses) this.#nodes.set(address, node);
  }

  at(address: string): SimNode | undefined {
    return this.#nodes.get(address);
  }

  /** A path for datagrams from one of the node's addresses. */
  datagrams(node: SimNode, local: string, peer: string): Path {
    return new DatagramPath(this, node, local, peer);
  }

  /** Opens a connection; its failure is told to the node later. */
  connect(node: SimNode, to: string, from: string): Stream {
    const near = new Stream(this, node, from, to);
    this.streams.add(near);
    const target = this.#nodes.get(to);
    if (target === undefined || target.reach === "refusing") {
      this.watch.note("connection refused");
      this.clock.after(this.delay(), () => near.breakDown("ECONNREFUSED"));
    } else if (target.reach === "silent") {
      this.watch.note("connection timed out");
      this.clock.after(CONNECT_TIMEOUT, () => near.breakDown("ETIMEDOUT"));
    } else {
      const far = new Stream(this, target, to, from);
      near.far = far;
      far.far = near;
      this.streams.add(far);
      near.readyAt = far.readyAt = this.clock.now + this.delay() + this.delay();
    }
    return near;
  }

  delay(): number {
    return this.conditions.delay + this.#random.int(0, this.conditions.jitter);
  }

  sendDatagram(path: DatagramPath, message: SimMessage): void {
    const { watch, conditions } = this;
    if (path.node.reach !== "up") return;
    const target = this.#nodes.get(path.peer);
    if (target === undefined || target.reach === "refusing") {
      watch.trace(path.local, path.peer, "unreachable", message);
      watch.note("unreachable over UDP");
      this.clock.after(1, () => path.node.closed(path, "EHOSTUNREACH"));
      return;
    }
    const carrier = this.#carrier;
    // Also what gets lost goes out of the gateway's socket.
    const carriage = carrier?.carries(path.local, path.peer)
      ? carrier.fromGateway(path.local, path.peer, message)
      : undefined;
    if (this.#random.chance(conditions.loss)) {
      watch.trace(path.local, path.peer, "lost", message);
      watch.note("datagram lost");
      return;
    }
    const copies = this.#random.chance(conditions.duplication) ? 2 : 1;
    if (copies === 2) watch.note("datagram doubled");
    watch.trace(path.local, path.peer, copies === 2 ? "doubled" : "", message);
    for (let i = 0; i < copies; i++) {
      const delay = this.#datagramDelay();
      const pair = `${path.local} ${path.peer}`;
      const arrival = this.clock.now + delay;
      if (arrival < (this.#lastArrival.get(pair) ?? 0)) watch.note("datagram overtaken");
      else this.#lastArrival.set(pair, arrival);
      this.clock.after(delay, () => {
        if (target.reach !== "up") return;
        const arrived = carriage?.message ?? message;
        const back = this.datagrams(target, path.peer, path.local);
        if (carrier === undefined || target.name !== "gateway") target.receive(arrived, back);
        else carrier.toGateway(path.local, path.peer, arrived, (bytes) => target.receive(arrived, back, bytes));
      });
    }
  }

  #datagramDelay(): number {
    const { burst } = this.conditions;
    const delay = this.delay();
    if (burst === undefined) return delay;
    return Math.ceil((this.clock.now + delay) / burst) * burst - this.clock.now;
  }

  /** What arrives of a message in which its connection breaks; undefined for one that arrives as a whole. */
  cutOf({ text }: SimMessage): Buffer | undefined {
    if (!this.#random.chance(this.conditions.tearing)) return undefined;
    return Buffer.from(text.slice(0, this.#random.int(1, text.length - 1)), "latin1");
  }

  /** Breaks every connection of a node, as when its host goes down. */
  breakConnectionsOf(node: SimNode): void {
    for (const stream of [...this.streams]) if (stream.node === node) stream.breakDown("ECONNRESET");
  }
}

class DatagramPath implements Path {
  readonly transport = "udp";
  readonly open = true;
  readonly network: SimNetwork;
  readonly node: SimNode;
  readonly local: string;
  readonly peer: string;

  constructor(network: SimNetwork, node: SimNode, local: string, peer: string) {
    this.network = network;
    this.node = node;
    this.local = local;
    this.peer = peer;
  }

  send(message: SimMessage): void {
    this.network.sendDatagram(this, message);
  }
}

/** One end of a connection. */
export class Stream implements Path {
  readonly transport = "tcp";
  readonly node: SimNode;
  readonly local: string;
  readonly peer: string;
  open = true;
  far: Stream | undefined;
  /** Nothing arrives before: the connection is being set up, or an earlier message is under way. */
  readyAt = 0;
  readonly #network: SimNetwork;

  constructor(network: SimNetwork, node: SimNode, local: string, peer: string) {
    this.#network = network;
    this.node = node;
    this.local = local;
    this.peer = peer;
  }

  send(message: SimMessage): void {
    const network = this.#network;
    if (this.node.reach !== "up") return;
    network.watch.trace(this.local, this.peer, this.open ? "" : "on a closed connection", message);
    const { far } = this;
    if (!this.open || far === undefined) return;
    this.readyAt = Math.max(this.readyAt, network.clock.now + network.delay());
    const torn = network.cutOf(message);
    if (torn !== undefined) {
      network.clock.after(this.readyAt - network.clock.now, () => {
        if (!far.open || far.node.reach !== "up") return;
        far.node.receivePart?.(torn, far);
        network.watch.note("connection broke in a message");
        this.breakDown("ECONNRESET");
      });
      return;
    }
    network.clock.after(this.readyAt - network.clock.now, () => {
      if (far.open && far.node.reach === "up") far.node.receive(message, far);
    });
  }

  /** Ends both ends at once; what is under way is lost. */
  breakDown(reason: string): void {
    for (const end of [this, this.far]) {
      if (end === undefined || !end.open) continue;
      end.open = false;
      this.#network.streams.delete(end);
      this.#network.watch.trace(end.local, end.peer, `closed: ${reason}`, "");
      this.#network.clock.after(0, () => end.node.closed(end, reason));
    }
  }
}
