import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import type { Flow, Listener } from "../../src/sip/flow.ts";
import { Transports } from "../../src/transport/transports.ts";
import type { UdpForm } from "../../src/transport/udp/socket.ts";
import { GATEWAY_IP, LISTENERS } from "./sim-gateway.ts";
import { SimMessage } from "./sim-message.ts";
import type { Carriage, DatagramCarrier } from "./sim-network.ts";

const LOOPBACK = "127.0.0.1";
/** A datagram on loopback that has not come after this long does not come any more. */
const PATIENCE_MS = 20_000;

/** A datagram on its way to the gateway. */
interface Incoming {
  readonly from: string;
  readonly to: string;
  readonly text: string;
  readonly deliver: (bytes: Buffer) => void;
}

/** A datagram of the gateway that an actor's socket waits for. */
interface Outgoing extends Carriage {
  readonly expected: string;
}

/**
 * Real sockets beneath the simulated network: each datagram to or from the simulated gateway goes over loopback, through
 * the gateway's own transport in one of its forms. What is lost, doubled and late is still the simulated network's
 * affair, so a seed makes the same world in every form.
 */
export class SimWire implements DatagramCarrier {
  readonly #actors: ReadonlyMap<string, Socket>;
  readonly #addressOf = new Map<number, string>();
  #transports!: Transports;
  /** The real listener in the place of a simulated one, by the latter's address. */
  readonly #listeners = new Map<string, Listener>();
  readonly #flows = new Map<string, Flow>();
  #waiting: Incoming[] = [];
  /** Sent and not there yet, by "from to"; those of one pair keep their order. */
  readonly #underWay = new Map<string, (Incoming | Outgoing)[]>();
  #count = 0;
  #settled: (() => void) | undefined;
  #trouble: string | undefined;

  private constructor(actors: ReadonlyMap<string, Socket>) {
    this.#actors = actors;
    for (const [address, socket] of actors) {
      this.#addressOf.set(socket.address().port, address);
      socket.on("message", (bytes, { port }) => this.#arrivedAtActor(bytes, port, address));
    }
  }

  /** @param addresses of all actors. The wire is closed with the test */
  static async open(
    t: { teardown(undo: () => unknown): void },
    udp: Exclude<UdpForm, "auto">,
    addresses: readonly string[],
  ): Promise<SimWire> {
    const actors = new Map<string, Socket>();
    for (const address of addresses) {
      const socket = createSocket("udp4");
      t.teardown(() => socket.close());
      await once(socket.bind(0, LOOPBACK), "listening");
      actors.set(address, socket);
    }
    const wire = new SimWire(actors);
    const simulated = LISTENERS.filter(({ transport }) => transport === "udp").map(
      ({ port }) => `${GATEWAY_IP}:${port}`,
    );
    const specs = simulated.map(() => ({ transport: "udp" as const, host: LOOPBACK, port: 0 }));
    const transports = await Transports.listen(
      specs,
      { udp },
      {
        received: (bytes, flow) => wire.#arrivedAtGateway(bytes, flow),
        closed: (_flow, reason) => wire.#fail(`a datagram of the gateway could not be sent: ${reason}`),
        anomaly: (kind, detail) => wire.#fail(`${kind}: ${detail}`),
      },
    );
    t.teardown(() => transports.close());
    transports.start();
    wire.#transports = transports;
    for (const [i, address] of simulated.entries()) {
      const listener = transports.listeners[i]!;
      wire.#listeners.set(address, listener);
      wire.#addressOf.set(listener.port, address);
    }
    return wire;
  }

  carries(from: string, to: string): boolean {
    return this.#listeners.has(from) && !this.#listeners.has(to);
  }

  /** Sends at once; it is there after the next `settle`. */
  fromGateway(from: string, to: string, { text }: SimMessage): Carriage {
    const outgoing: Outgoing = { expected: text, message: undefined };
    this.#sent(from, to, outgoing);
    this.#send(from, to, text);
    return outgoing;
  }

  /** Sends with the next `settle`: what arrives at one moment comes in one burst. */
  toGateway(from: string, to: string, { text }: SimMessage, deliver: (bytes: Buffer) => void): void {
    this.#waiting.push({ from, to, text, deliver });
  }

  get isIdle(): boolean {
    return this.#waiting.length === 0 && this.#count === 0;
  }

  /** Resolves when everything that is to go over the wire now has arrived, and what the gateway sent because of it. */
  async settle(): Promise<void> {
    for (;;) {
      await this.#allThere();
      const first = this.#waiting[0];
      if (first === undefined) return;
      // Sockets are read in whatever order; to one of them datagrams keep theirs.
      let count = this.#waiting.findIndex(({ to }) => to !== first.to);
      if (count < 0) count = this.#waiting.length;
      for (const incoming of this.#waiting.splice(0, count)) {
        const { from, to, text } = incoming;
        // The transport keeps what is only a sign of life (RFC 5626 §3.5) to itself.
        if (!/^[\r\n]{0,4}$/.test(text)) this.#sent(from, to, incoming);
        // A gateway that points at itself sends from its own socket.
        if (this.#listeners.has(from)) this.#send(from, to, text);
        else this.#actor(from).send(Buffer.from(text, "latin1"), this.#listeners.get(to)!.port, LOOPBACK);
      }
    }
  }

  #sent(from: string, to: string, datagram: Incoming | Outgoing): void {
    const pair = `${from} ${to}`;
    const queue = this.#underWay.get(pair);
    if (queue === undefined) this.#underWay.set(pair, [datagram]);
    else queue.push(datagram);
    this.#count++;
  }

  #send(from: string, to: string, text: string): void {
    const pair = `${from} ${to}`;
    const listener = this.#listeners.get(from)!;
    const port = this.#listeners.get(to)?.port ?? this.#actor(to).address().port;
    let flow = this.#flows.get(pair);
    if (flow === undefined) {
      flow = this.#transports.connect({ transport: "udp", address: LOOPBACK, port, host: to }, listener);
      this.#flows.set(pair, flow);
    }
    this.#transports.send(flow, text);
  }

  #actor(address: string): Socket {
    const socket = this.#actors.get(address);
    if (socket === undefined) throw new Error(`no socket stands for ${address}`);
    return socket;
  }

  #arrivedAtGateway(bytes: Buffer, flow: Flow): void {
    const from = this.#addressOf.get(flow.remotePort)!;
    const to = this.#addressOf.get(flow.listener.port)!;
    const incoming = this.#arrived(from, to) as Incoming | undefined;
    if (incoming === undefined) return;
    if (bytes.toString("latin1") !== incoming.text) this.#fail(`${from} -> ${to}: other bytes arrived than were sent`);
    incoming.deliver(bytes);
    this.#look();
  }

  #arrivedAtActor(bytes: Buffer, port: number, to: string): void {
    const from = this.#addressOf.get(port)!;
    const outgoing = this.#arrived(from, to) as Outgoing | undefined;
    if (outgoing === undefined) return;
    const text = bytes.toString("latin1");
    if (text !== outgoing.expected) this.#fail(`${from} -> ${to}: other bytes arrived than were sent`);
    outgoing.message = new SimMessage(text);
    this.#look();
  }

  #arrived(from: string, to: string): Incoming | Outgoing | undefined {
    const datagram = this.#underWay.get(`${from} ${to}`)?.shift();
    if (datagram === undefined) this.#fail(`${from} -> ${to}: a datagram arrived that nobody sent`);
    else this.#count--;
    return datagram;
  }

  #fail(trouble: string): void {
    this.#trouble ??= trouble;
    this.#look();
  }

  #look(): void {
    if (this.#count === 0 || this.#trouble !== undefined) this.#settled?.();
  }

  async #allThere(): Promise<void> {
    if (this.#count > 0) {
      let patience: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve) => {
        this.#settled = resolve;
        patience = setTimeout(() => this.#fail(`${this.#count} datagrams did not arrive`), PATIENCE_MS);
      });
      clearTimeout(patience);
      this.#settled = undefined;
    }
    if (this.#trouble !== undefined) throw new Error(this.#trouble);
  }
}
