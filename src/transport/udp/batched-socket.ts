import cluster from "node:cluster";
import { createSocket, type Socket } from "node:dgram";
import { hostPort } from "../../address.ts";
import { explainSocketError } from "../explain.ts";
import type { Message } from "../part.ts";
import type { Turn, Turning } from "../turn.ts";
import { bound, DgramSender, handleOf, setReading } from "./dgram-socket.ts";
import { BATCH, MessageBatch } from "./message-batch.ts";
import type { UdpBinding, UdpReceiver, UdpSocket } from "./socket.ts";
import { LENGTH, SocketAddresses } from "./socket-address.ts";
import {
  AF_INET,
  AF_INET6,
  EAGAIN,
  IPPROTO_IPV6,
  IPV6_V6ONLY,
  MSG_DONTWAIT,
  SO_RCVBUF,
  SO_RCVBUFFORCE,
  SO_REUSEADDR,
  SO_SNDBUF,
  SO_SNDBUFFORCE,
  SOCK_DGRAM_NONBLOCK_CLOEXEC,
  SOL_SOCKET,
  type SystemCalls,
  systemError,
} from "./system-calls.ts";
import { Watch } from "./watch.ts";

/** The longest datagram that IPv4 or IPv6 can carry; the kernel refuses what is a little shorter itself. */
const MAX_DATAGRAM = 65_535;
/** Datagrams taken in one turn of the event loop, so that connections and timers get theirs. */
const MAX_PER_TURN = 512;

/** Binds a socket through node:dgram, and gives its descriptor: -1 where that cannot be had. */
export type SharedBind = (socket: Socket, binding: UdpBinding) => Promise<number>;

/**
 * Binds a socket that moves datagrams in bursts. Rejects with the system's error.
 * @param turn when it reads and writes
 * @param share how a socket is bound that other processes have too; undefined = it is ours alone
 * @returns undefined, with nothing left bound, where this Node does not tell a socket's descriptor or gives up reading
 */
export async function bindBatchedSocket<Peer>(
  calls: SystemCalls,
  binding: UdpBinding,
  receiver: UdpReceiver<Peer>,
  turn: Turn,
  share: SharedBind | undefined = cluster.isWorker ? bindShared : undefined,
): Promise<UdpSocket<Peer> | undefined> {
  const { family, bufferBytes } = binding;
  const addresses = new SocketAddresses(calls, family);
  const socket = createSocket({ type: family === 4 ? "udp4" : "udp6", ipv6Only: family === 6 });
  let descriptor: number;
  if (share !== undefined) {
    descriptor = await share(socket, binding);
  } else {
    descriptor = openSocket(calls, binding, addresses);
    // From here on the descriptor is node:dgram's, which closes it; where it does not take it, it is still ours.
    await bound(socket, { fd: descriptor }).catch((error) => {
      calls.close(descriptor);
      throw error;
    });
  }
  if (descriptor < 0 || !setReading(socket, false)) {
    await new Promise<void>((resolve) => socket.close(() => resolve()));
    return undefined;
  }
  // libuv has set this; with it another program could bind the same port and take our datagrams.
  setOption(calls, descriptor, SOL_SOCKET, SO_REUSEADDR, 0);
  sizeBuffer(calls, descriptor, SO_RCVBUF, SO_RCVBUFFORCE, bufferBytes);
  sizeBuffer(calls, descriptor, SO_SNDBUF, SO_SNDBUFFORCE, bufferBytes);
  try {
    return new BatchedSocket(calls, descriptor, addresses, family, socket, receiver, turn);
  } catch (error) {
    socket.close();
    throw error;
  }
}

/**
 * The event loop tells when there is something to read, and recvmmsg(2) takes it 64 datagrams at a time. What is sent
 * within one burst, or one turn of the event loop, goes out with one sendmmsg(2). node:dgram has the socket; only what
 * the kernel does not take at once goes through it.
 */
class BatchedSocket<Peer> implements UdpSocket<Peer>, Turning {
  readonly port: number;
  readonly looksItself = true;
  readonly #descriptor: number;
  readonly #watch: Watch;
  readonly #calls: SystemCalls;
  readonly #addresses: SocketAddresses;
  readonly #receiver: UdpReceiver<Peer>;
  readonly #turn: Turn;
  readonly #sender: DgramSender<Peer>;
  readonly #incoming: MessageBatch;
  readonly #outgoing: MessageBatch;
  readonly #peers: Peer[] = [];
  #queued = 0;
  #open = true;
  #reading = !cluster.isWorker;
  /** What is sent meanwhile goes out with the rest of the burst. */
  #taking = false;

  /** @throws the system's error */
  constructor(
    calls: SystemCalls,
    descriptor: number,
    addresses: SocketAddresses,
    family: 4 | 6,
    socket: Socket,
    receiver: UdpReceiver<Peer>,
    turn: Turn,
  ) {
    this.#calls = calls;
    this.#descriptor = descriptor;
    this.#addresses = addresses;
    this.#receiver = receiver;
    this.#turn = turn;
    this.#incoming = new MessageBatch(calls, LENGTH[family]);
    this.#outgoing = new MessageBatch(calls, LENGTH[family]);
    this.#sender = new DgramSender(socket, receiver);
    this.port = socket.address().port;
    socket.on("error", (error: NodeJS.ErrnoException) => receiver.error(error.code ?? error.message));
    this.#watch = new Watch(calls, descriptor, () => turn.arrived(this));
    if (!this.#reading) this.#watch.stop();
  }

  send(message: Message, port: number, address: string, peer: Peer): boolean {
    if (!this.#open) return false;
    // What waits for the kernel goes first, and only the kernel has words for what is too long.
    if (this.#sender.waiting > 0 || message.length > MAX_DATAGRAM) {
      return this.#sender.send(message, port, address, peer);
    }
    if (this.#queued === BATCH) this.flush();
    const i = this.#queued;
    if (!this.#addresses.write(this.#outgoing.names, this.#outgoing.nameAt(i), address, port)) {
      return this.#sender.send(message, port, address, peer);
    }
    this.#outgoing.put(i, message);
    this.#peers[i] = peer;
    this.#queued++;
    if (i === 0 && !this.#taking) this.#turn.holding(this);
    return true;
  }

  read(on: boolean): void {
    this.#reading = on;
    if (!this.#open) return;
    if (on) this.#watch.start();
    else this.#watch.stop();
  }

  close(): Promise<void> {
    this.flush();
    if (this.#open) this.#watch.close();
    this.#open = false;
    return this.#sender.close();
  }

  takeArrived(): number {
    const batch = this.#incoming;
    let taken = 0;
    this.#taking = true;
    while (this.#open && this.#reading && taken < MAX_PER_TURN) {
      const count = this.#calls.recvmmsg(this.#descriptor, batch.headers, BATCH, MSG_DONTWAIT, null);
      if (count <= 0) {
        this.#noneTaken();
        break;
      }
      if (taken > 0) this.#receiver.nextBurst();
      taken += count;
      for (let i = 0; i < count; i++) {
        const at = batch.nameAt(i);
        const address = this.#addresses.textAt(batch.names, at);
        this.#receiver.datagram(batch.received(i), address, this.#addresses.portAt(batch.names, at));
      }
      this.flush();
      // Under light load it was the only one. Else more has come while the burst was worked on.
      if (taken === 1) break;
    }
    this.#taking = false;
    return taken;
  }

  /** Nothing was there, or the socket has an error. */
  #noneTaken(): void {
    if (this.#calls.errno() === EAGAIN) return;
    this.#receiver.error(systemError(this.#calls, "recvmmsg").message);
  }

  flush(): void {
    const count = this.#queued;
    if (!this.#open || count === 0) return;
    this.#queued = 0;
    for (let sent = 0; sent < count; ) {
      const taken = this.#calls.sendmmsg(this.#descriptor, this.#outgoing.headersFrom(sent), count - sent, 0);
      if (taken > 0) sent += taken;
      else {
        const error = systemError(this.#calls, "sendmmsg");
        if (error.code === "EAGAIN" || error.code === "ENOBUFS") this.#leaveToDgram(sent, count);
        else this.#failed(sent, error);
        sent = error.code === "EAGAIN" || error.code === "ENOBUFS" ? count : sent + 1;
      }
    }
  }

  /** The kernel's buffer is full: node:dgram waits until it has room. */
  #leaveToDgram(from: number, to: number): void {
    const { names } = this.#outgoing;
    for (let i = from; i < to; i++) {
      const at = this.#outgoing.nameAt(i);
      const address = this.#addresses.textAt(names, at);
      const bytes = Buffer.from(this.#outgoing.stored(i));
      this.#sender.send(bytes, this.#addresses.portAt(names, at), address, this.#peers[i]!);
    }
  }

  #failed(i: number, error: NodeJS.ErrnoException): void {
    const { names } = this.#outgoing;
    const at = this.#outgoing.nameAt(i);
    const where = hostPort(this.#addresses.textAt(names, at), this.#addresses.portAt(names, at));
    const peer = this.#peers[i]!;
    setImmediate(() => {
      if (this.#open) this.#receiver.unsent(peer, explainSocketError(error, where));
    });
  }
}

/** A new socket, bound. @throws the system's error */
function openSocket(calls: SystemCalls, binding: UdpBinding, addresses: SocketAddresses): number {
  const { family, address, port } = binding;
  const domain = family === 4 ? AF_INET : AF_INET6;
  const descriptor = calls.socket(domain, SOCK_DGRAM_NONBLOCK_CLOEXEC, 0);
  if (descriptor < 0) throw systemError(calls, "socket");
  if (family === 6) setOption(calls, descriptor, IPPROTO_IPV6, IPV6_V6ONLY, 1);
  const name = Buffer.alloc(LENGTH[family]);
  addresses.write(name, 0, address, port);
  if (calls.bind(descriptor, name, name.length) < 0) {
    const error = systemError(calls, "bind");
    calls.close(descriptor);
    throw error;
  }
  return descriptor;
}

async function bindShared(socket: Socket, { address, port }: UdpBinding): Promise<number> {
  await bound(socket, { address, port });
  return handleOf(socket)?.fd ?? -1;
}

/** Beyond net.core.rmem_max (wmem_max) only a process with CAP_NET_ADMIN comes. */
function sizeBuffer(calls: SystemCalls, descriptor: number, option: number, forced: number, bytes: number): void {
  if (!setOption(calls, descriptor, SOL_SOCKET, forced, bytes)) {
    setOption(calls, descriptor, SOL_SOCKET, option, bytes);
  }
}

function setOption(calls: SystemCalls, descriptor: number, level: number, option: number, value: number): boolean {
  return calls.setsockopt(descriptor, level, option, Uint32Array.of(value), 4) === 0;
}
