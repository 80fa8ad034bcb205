import { hostPort, withoutZone, zoneOf } from "../../address.ts";
import type { Listener, Target } from "../../sip/flow.ts";
import { ADMIT_ALL, type Admission } from "../admission.ts";
import {
  type ListenerStats,
  type Message,
  newStats,
  type OpenFlow,
  type TransportHandler,
  type TransportPart,
} from "../part.ts";
import { readKernelDrops } from "./kernel-drops.ts";
import type { UdpReceiver, UdpSocket } from "./socket.ts";

/** Datagrams that wait until all listeners are bound. */
const MOST_EARLY = 10_000;

/** Addresses whose last flow is remembered; when there are more, all are forgotten. */
const MOST_FLOWS = 10_000;

/** A peer of one of our UDP sockets. */
export class UdpFlow implements OpenFlow {
  readonly #part: UdpListener;
  /** Empty, or the zone without which the kernel cannot reach a link-local address. */
  readonly zone: string;
  readonly remoteAddress: string;
  readonly remotePort: number;

  constructor(part: UdpListener, remoteAddress: string, remotePort: number, zone: string) {
    this.#part = part;
    this.remoteAddress = remoteAddress;
    this.remotePort = remotePort;
    this.zone = zone;
  }

  get listener(): Listener {
    return this.#part.listener;
  }

  get transport(): "udp" {
    return "udp";
  }

  get open(): boolean {
    return this.#part.open;
  }

  send(message: Message): void {
    this.#part.send(this, message);
  }

  /** Another one to the same peer, see Transports.connect. */
  another(): UdpFlow {
    return new UdpFlow(this.#part, this.remoteAddress, this.remotePort, this.zone);
  }
}

/** One UDP socket: every datagram is a message of its own (RFC 3261 §18.3), every peer a flow. */
export class UdpListener implements TransportPart, UdpReceiver<UdpFlow> {
  readonly listener: Listener;
  readonly stats: ListenerStats;
  readonly #handler: TransportHandler;
  readonly #socket: UdpSocket<UdpFlow>;
  readonly #admission: Admission;
  #open = true;
  #started = false;
  readonly #early: [Buffer, string, number][] = [];
  #queueFull = false;
  /** By address with its zone. */
  readonly #flows = new Map<string, UdpFlow>();

  constructor(
    listener: Listener,
    socket: UdpSocket<UdpFlow>,
    handler: TransportHandler,
    admission: Admission = ADMIT_ALL,
  ) {
    this.listener = listener;
    this.#socket = socket;
    this.stats = newStats(listener);
    this.#handler = handler;
    this.#admission = admission;
  }

  get open(): boolean {
    return this.#open;
  }

  start(): void {
    this.#started = true;
    for (const [bytes, address, port] of this.#early.splice(0)) this.datagram(bytes, address, port);
  }

  datagram(bytes: Buffer, address: string, port: number): void {
    if (!this.#started) {
      // On a socket that we share with another process nobody else gets it.
      if (this.#early.length < MOST_EARLY) this.#early.push([Buffer.from(bytes), address, port]);
      return;
    }
    if (bytes.length <= 4 && isCrlf(bytes)) {
      // Not answered: the address may be forged, and the sender only keeps its NAT binding (RFC 5626 §3.5.1 has STUN for more).
      this.stats.keepalives++;
      return;
    }
    this.stats.messagesIn++;
    if (bytes[0] === 13 || bytes[0] === 10) bytes = withoutLeadingCrlf(bytes);
    const verdict = this.#admission.datagram(bytes, address, port);
    if (verdict === "drop") {
      this.stats.dropped++;
    } else if (verdict === "pass") this.#handler.received(bytes, this.#flow(address, port));
    else {
      this.stats.answeredUnread++;
      this.#flow(address, verdict.port).send(verdict.bytes);
    }
  }

  nextBurst(): void {
    if (!this.#started) return;
    this.#handler.burst?.(false);
    this.#handler.burst?.(true);
  }

  /** The flow to answer on. Most peers always send from one port, and their requests share it. @param address with its zone */
  #flow(address: string, port: number): UdpFlow {
    const known = this.#flows.get(address);
    if (known?.remotePort === port) return known;
    const zoned = this.listener.family === 6 && address.includes("%");
    const flow = zoned
      ? new UdpFlow(this, withoutZone(address), port, zoneOf(address))
      : new UdpFlow(this, address, port, "");
    if (this.#flows.size >= MOST_FLOWS) this.#flows.clear();
    this.#flows.set(address, flow);
    return flow;
  }

  /** There are no connections. */
  hangUp(): void {}

  error(reason: string): void {
    this.#handler.anomaly?.("listener-error", `udp ${hostPort(this.listener.address, this.listener.port)}: ${reason}`);
  }

  /** A new flow each time, see Transports.connect. */
  connect(target: Target, zone: string): OpenFlow {
    return new UdpFlow(this, target.address, target.port, zone);
  }

  send(flow: UdpFlow, message: Message): void {
    const address = flow.zone === "" ? flow.remoteAddress : flow.remoteAddress + flow.zone;
    if (this.#socket.send(message, flow.remotePort, address, flow)) {
      this.stats.messagesOut++;
      this.#queueFull = false;
      return;
    }
    this.stats.sendFailures++;
    if (!this.#open || this.#queueFull) return;
    this.#queueFull = true;
    setImmediate(() =>
      this.#handler.anomaly?.("udp-send-queue-full", "the kernel takes no more datagrams; some are dropped"),
    );
  }

  unsent(flow: UdpFlow, reason: string): void {
    this.stats.sendFailures++;
    this.#handler.closed(flow, reason);
  }

  /** See Transports.flushDatagrams. */
  flush(): void {
    if (this.#open) this.#socket.flush();
  }

  /** See Transports.readDatagrams. */
  read(on: boolean): void {
    if (this.#open) this.#socket.read(on);
  }

  /** Looks for what the kernel dropped. */
  sweep(): void {
    readKernelDrops(this.listener).then((drops) => {
      if (drops === undefined || drops <= this.stats.kernelDrops || !this.#open) return;
      const lost = drops - this.stats.kernelDrops;
      this.stats.kernelDrops = drops;
      this.#handler.anomaly?.(
        "udp-receive-drops",
        `the kernel dropped ${lost} datagrams that came in faster than they were read; net.core.rmem_max bounds its buffer`,
      );
    });
  }

  stopAccepting(): void {}

  stopListening(): void {}

  async close(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    await this.#socket.close();
  }
}

function isCrlf(bytes: Buffer): boolean {
  for (const byte of bytes) if (byte !== 13 && byte !== 10) return false;
  return true;
}

/** RFC 3261 §7.5: line ends in front of the start line mean nothing. */
function withoutLeadingCrlf(bytes: Buffer): Buffer {
  let at = 0;
  while (bytes[at] === 13 || bytes[at] === 10) at++;
  return bytes.subarray(at);
}
