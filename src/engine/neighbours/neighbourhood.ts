import { join } from "node:path";
import type { Flow, TransportName } from "../../sip/flow.ts";
import { isReliable } from "../../sip/flow.ts";
import type { Arrival, Neighbours, Passed } from "../../sip/neighbours.ts";
import { asBytes, type Message } from "../../transport/part.ts";
import type { Transports } from "../../transport/transports.ts";
import { callIdHash, hashOf, isResponse, processInBranch, UNTOLD } from "./addressee.ts";
import { DatagramFlows, similarListener } from "./datagram-flows.ts";
import type { FlowName, FrameHead } from "./frames.ts";
import { Links } from "./links.ts";
import { ReadingTurn } from "./reading-turn.ts";
import { chainOf, nextOf, responseVia, type View } from "./view.ts";

/** A message that is passed on more often than this stays where it is: views that follow each other quickly disagree. */
const MOST_HOPS = 8;
/** Bytes that may wait for one process before datagrams for it are dropped. */
const MOST_WAITING = 16 * 1024 * 1024;
/** Addresses of pools that whoever comes later is told of. */
const MOST_POOLS = 10_000;
/** Messages that wait until the supervisor has told who is there. More than that were never read in that time. */
const MOST_EARLY = 100_000;

/** The engine, as the neighbourhood needs it. */
export interface Neighbour {
  /** Takes what comes from a neighbour, or from our own sockets. */
  receive(bytes: Buffer, flow: Flow, passed: Passed | undefined): void;
  /** A connection of another process is closed. */
  closed(flow: Flow, reason: string): void;
  /** Another process has found that this is the address of a pool. */
  pool(address: string): void;
  /** What was to be passed to a process was dropped: too much waits for it. */
  behind(id: number, dropped: number): void;
}

/** A connection that another process has. */
interface RemoteFlow extends Flow {
  open: boolean;
  send(message: Message): void;
}

/**
 * The processes that serve the same listeners on this host, as one of them sees it. See docs/decisions/ for how it is
 * settled whose a message is.
 */
export class Neighbourhood implements Neighbours {
  readonly id: number;
  readonly mark: string;
  readonly #folder: string;
  readonly #seed: number;
  readonly #askedOnlyUs: readonly number[];
  readonly #early: [Buffer, Flow, Passed | undefined][] = [];
  readonly #connections = new Map<Flow, { readonly number: number; readonly knownTo: Set<number> }>();
  readonly #byNumber = new Map<number, Flow>();
  readonly #remote = new Map<string, RemoteFlow>();
  #nextNumber = 1;
  #links!: Links;
  #transports: Transports | undefined;
  #datagramFlows!: DatagramFlows;
  #engine!: Neighbour;
  readonly #pools = new Set<string>();
  #view: View | undefined;
  #isAlone = true;
  #leaving = false;
  #turn: ReadingTurn | undefined;
  #dropped = 0;

  /** @param folder of the sockets, the same for all @param id unique among all that this gateway ever had */
  private constructor(folder: string, id: number, seed: number) {
    this.#folder = folder;
    this.#seed = seed;
    this.id = id;
    this.#askedOnlyUs = [id];
    this.mark = `~${id.toString(36)}`;
  }

  /** @param seed the same for all of the gateway, and known to nobody else */
  static async open(folder: string, id: number, seed: number): Promise<Neighbourhood> {
    const neighbourhood = new Neighbourhood(folder, id, seed);
    neighbourhood.#links = await Links.listen(
      neighbourhood.path,
      {
        frame: (head, bytes) => neighbourhood.#take(head, bytes),
        datagram: (name, passed, bytes) =>
          neighbourhood.#receiveOrKeep(bytes, neighbourhood.#datagramFlows.flowOf(name), passed),
      },
      // Who gets what we pass on may send at once: what we have sent before is to be ahead of it.
      () => neighbourhood.#transports?.flushDatagrams(),
    );
    return neighbourhood;
  }

  /** Where this process is reached. */
  get path(): string {
    return join(this.#folder, `${this.id}.sock`);
  }

  /** Joins it with the engine. Nothing is received before the first view. */
  serve(transports: Transports, engine: Neighbour): void {
    this.#transports = transports;
    this.#datagramFlows = new DatagramFlows(transports);
    this.#engine = engine;
    this.#turn = new ReadingTurn(this.id, {
      read: (on) => transports.readDatagrams(on),
      give: (to) => this.#send(to, { kind: "turn" }),
    });
  }

  /** Tells the others, also those that come later, of the address of a pool. */
  sharePool(address: string): void {
    this.#rememberPool(address);
    for (const id of Object.keys(this.#view?.links ?? {})) this.#sharePoolWith(Number(id), address);
  }

  #rememberPool(address: string): void {
    this.#pools.delete(address);
    if (this.#pools.size >= MOST_POOLS) this.#pools.delete(this.#pools.keys().next().value!);
    this.#pools.add(address);
  }

  #sharePoolWith(id: number, address: string): void {
    if (id !== this.id) this.#send(id, { kind: "pool", address });
  }

  /** A message that our own sockets brought. */
  arrived(bytes: Buffer, flow: Flow): void {
    if (isReliable(flow.transport) || !this.#handOn(bytes, flow)) this.#receiveOrKeep(bytes, flow, undefined);
  }

  /**
   * Gives a datagram of which its bytes alone tell whose it is to that process, unread. What may have anything to do with
   * a transaction or a connection of ours is left to the core.
   */
  #handOn(bytes: Buffer, flow: Flow): boolean {
    const view = this.#view;
    if (view === undefined || this.#isAlone) return false;
    if (isResponse(bytes)) {
      const id = processInBranch(bytes);
      return id !== this.id && id in view.links && this.#giveResponse(view, id, { bytes, flow }, []);
    }
    const hash = callIdHash(bytes, this.#seed);
    const chain = hash === UNTOLD ? [] : chainOf(view, hash);
    const next = chain.includes(this.id) ? undefined : nextOf(chain, this.id, []);
    return next !== undefined && this.#giveDatagram(next.to, { bytes, flow }, this.#askedOnlyUs, next.settled);
  }

  #receiveOrKeep(bytes: Buffer, flow: Flow, passed: Passed | undefined): void {
    if (this.#view !== undefined) this.#engine.receive(bytes, flow, passed);
    else if (this.#early.length < MOST_EARLY) this.#early.push([Buffer.from(bytes), flow, passed]);
  }

  /** Whether requests of this Call-ID that come over UDP are another one's affair. */
  isElsewhere(callId: string): boolean {
    return this.#view !== undefined && this.#chainOf(this.#view, callId).some((id) => id !== this.id);
  }

  #chainOf(view: View, callId: string): readonly number[] {
    return chainOf(view, hashOf(callId, this.#seed));
  }

  /** Who is there from now on. */
  follow(view: View): void {
    const known = this.#view?.links ?? {};
    this.#view = view;
    this.#isAlone = Object.keys(view.links).every((id) => Number(id) === this.id);
    for (const id of Object.keys(view.links)) {
      if (!(id in known)) for (const address of this.#pools) this.#sharePoolWith(Number(id), address);
    }
    const others = Object.entries(view.links).map(([id, path]) => [Number(id), path] as const);
    this.#links.keep(new Map(others.filter(([id]) => id !== this.id)));
    for (const [name, flow] of this.#remote) {
      if (!(Number(name.split(" ")[0]) in view.links)) this.#forgetRemote(name, flow, "its process has ended");
    }
    for (const [bytes, flow, passed] of this.#early.splice(0)) this.#engine.receive(bytes, flow, passed);
    this.#turn?.follow(view);
  }

  /** From now on nothing new is taken, also what others think is ours: it is passed on. */
  leave(): void {
    this.#leaving = true;
  }

  /** Resolves when no neighbour has anything more for us. */
  unused(): Promise<void> {
    return this.#links.unused();
  }

  close(): Promise<void> {
    this.#turn?.close();
    return this.#links.close();
  }

  /** A flow of our own is closed. */
  flowClosed(flow: Flow, reason: string): void {
    const connection = this.#connections.get(flow);
    if (connection === undefined) return;
    this.#connections.delete(flow);
    this.#byNumber.delete(connection.number);
    for (const id of connection.knownTo) this.#sendClosed(id, connection.number, reason);
  }

  pass(callId: string, arrival: Arrival): boolean {
    if (this.#isAlone) return false;
    const asked = arrival.passed?.asked ?? [];
    if ((arrival.passed?.settled && !this.#leaving) || asked.length >= MOST_HOPS) return false;
    const next = nextOf(this.#chainOf(this.#view!, callId), this.id, asked);
    return next !== undefined && this.#give(next.to, arrival, [...asked, this.id], next.settled);
  }

  passAround(arrival: Arrival): boolean {
    const asked = arrival.passed?.asked ?? [];
    if (arrival.passed?.settled) return false;
    const others = Object.keys(this.#view!.links).map(Number);
    const left = others.filter((id) => id !== this.id && !asked.includes(id));
    return left.length > 0 && this.#give(left[0]!, arrival, [...asked, this.id], left.length === 1);
  }

  passTo(mark: string, arrival: Arrival): boolean {
    const id = mark === this.mark ? Number.NaN : Number.parseInt(mark.slice(1), 36);
    if (!(id in this.#view!.links) || id === this.id) return false;
    const asked = arrival.passed?.asked ?? [];
    if (isResponse(arrival.bytes) && !isReliable(arrival.flow.transport)) {
      return this.#giveResponse(this.#view!, id, arrival, asked);
    }
    return this.#give(id, arrival, [...asked, this.id], true);
  }

  /** Gives a response to the process whose request it answers, by the way on which requests of its dialog go there. */
  #giveResponse(view: View, id: number, arrival: Arrival, asked: readonly number[]): boolean {
    const hash = view.epochs.length < 2 ? UNTOLD : callIdHash(arrival.bytes, this.#seed);
    const to = hash === UNTOLD ? id : responseVia(chainOf(view, hash), id, this.id, asked);
    return this.#giveDatagram(to, arrival, [...asked, this.id], to === id);
  }

  #give(to: number, arrival: Arrival, asked: readonly number[], settled: boolean): boolean {
    if (!isReliable(arrival.flow.transport)) return this.#giveDatagram(to, arrival, asked, settled);
    this.#send(to, { kind: "message", from: this.#nameOf(arrival.flow, to), asked, settled }, arrival.bytes);
    return true;
  }

  #giveDatagram(to: number, { bytes, flow }: Arrival, asked: readonly number[], settled: boolean): boolean {
    const outbox = this.#links.to(to, this.#view!.links[to]!);
    // As the kernel does with a socket that nobody reads.
    if (outbox.waiting > MOST_WAITING) this.#engine.behind(to, ++this.#dropped);
    else outbox.putDatagram(this.#datagramFlows.nameOf(flow), { asked, settled }, bytes);
    return true;
  }

  #send(to: number, head: FrameHead, bytes?: Buffer): void {
    const path = this.#view?.links[to];
    if (path !== undefined) this.#links.to(to, path).put(head, bytes);
  }

  #nameOf(flow: Flow, to: number): FlowName {
    const { listener, remoteAddress, remotePort: port, peerNames } = flow;
    const name: Omit<FlowName, "connection"> = {
      listener: [listener.transport, listener.address, listener.port],
      address: remoteAddress,
      port,
      ...(peerNames === undefined ? {} : { peerNames }),
    };
    const remote = (flow as { connection?: FlowName["connection"] }).connection;
    if (remote !== undefined) return { ...name, connection: remote };
    let known = this.#connections.get(flow);
    if (known === undefined) {
      known = { number: this.#nextNumber++, knownTo: new Set() };
      this.#connections.set(flow, known);
      this.#byNumber.set(known.number, flow);
    }
    known.knownTo.add(to);
    return { ...name, connection: { owner: this.id, number: known.number } };
  }

  #take(head: FrameHead, bytes: Buffer): void {
    if (head.kind === "message") this.#receiveOrKeep(bytes, this.#flowOf(head.from), head);
    else if (head.kind === "turn") this.#turn?.given();
    else if (head.kind === "pool") {
      this.#rememberPool(head.address);
      this.#engine.pool(head.address);
    } else if (head.kind === "send") {
      const flow = this.#byNumber.get(head.connection);
      if (flow !== undefined) this.#transports!.send(flow, Buffer.from(bytes));
      else this.#sendClosed(head.by, head.connection, "it is closed");
    } else {
      const name = `${head.by} ${head.connection}`;
      const flow = this.#remote.get(name);
      if (flow !== undefined) this.#forgetRemote(name, flow, head.reason);
    }
  }

  #sendClosed(to: number, connection: number, reason: string): void {
    this.#send(to, { kind: "closed", by: this.id, connection, reason });
  }

  #flowOf({ listener: listenerName, address, port, connection, peerNames }: FlowName): Flow {
    if (connection.owner === this.id) {
      const own = this.#byNumber.get(connection.number);
      if (own !== undefined) return own;
    }
    const id = `${connection.owner} ${connection.number}`;
    let flow = this.#remote.get(id);
    if (flow === undefined) {
      const send = (message: Message): void =>
        this.#send(connection.owner, { kind: "send", by: this.id, connection: connection.number }, asBytes(message));
      const remote = {
        listener: similarListener(this.#transports!, listenerName),
        transport: listenerName[0] as TransportName,
        remoteAddress: address,
        remotePort: port,
        open: true,
        peerNames,
        connection,
        send,
      };
      flow = remote;
      this.#remote.set(id, remote);
    }
    return flow;
  }

  #forgetRemote(name: string, flow: RemoteFlow, reason: string): void {
    flow.open = false;
    this.#remote.delete(name);
    this.#engine.closed(flow, reason);
  }
}
