import cluster from "node:cluster";
import { createSocket, type Socket } from "node:dgram";
import { hostPort } from "../../address.ts";
import { explainSocketError } from "../explain.ts";
import { asBytes, type Message } from "../part.ts";
import type { UdpBinding, UdpReceiver, UdpSocket } from "./socket.ts";

/** Datagrams that may wait for the kernel; beyond it UDP drops, as a network would. */
const MAX_WAITING = 16_384;

/** Binds with node:dgram: one system call and one turn of its machinery for each datagram, on every system. */
export async function bindDgramSocket<Peer>(
  binding: UdpBinding,
  receiver: UdpReceiver<Peer>,
): Promise<UdpSocket<Peer>> {
  const { family, address, port, bufferBytes } = binding;
  const socket = createSocket({
    type: family === 4 ? "udp4" : "udp6",
    ipv6Only: family === 6,
    // Only IP literals come here; without this each send would go through dns.lookup and wait for the next tick.
    lookup: (host, _options, callback) => callback(null, host, family),
  });
  await bound(socket, { address, port });
  for (const setSize of [socket.setRecvBufferSize, socket.setSendBufferSize]) {
    try {
      setSize.call(socket, bufferBytes);
    } catch {
      // The kernel's default stays; Linux grants what it may without an error.
    }
  }
  socket.on("message", (bytes, peer) => receiver.datagram(bytes, peer.address, peer.port));
  socket.on("error", (error: NodeJS.ErrnoException) => receiver.error(error.code ?? error.message));
  const sender = new DgramSender(socket, receiver);
  return {
    port: socket.address().port,
    flush: () => undefined,
    read: (on) => setReading(socket, on),
    send: (message, peerPort, peerAddress, peer) => sender.send(message, peerPort, peerAddress, peer),
    close: () => sender.close(),
  };
}

/** Resolves when the socket is bound, or rejects with the system's error and closes it. */
export async function bound(socket: Socket, to: { address: string; port: number } | { fd: number }): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    socket.once("error", reject);
    // A process of several that serve one gateway shares the socket with them, through node:cluster.
    socket.bind({ ...to, exclusive: "fd" in to }, () => {
      socket.off("error", reject);
      // Of those that share it one reads; who that is has to be told first.
      if (cluster.isWorker) setReading(socket, false);
      resolve();
    });
  }).catch((error) => {
    socket.close();
    throw error;
  });
}

/** What of node:dgram's own handle is used. Node has no public way to either. */
interface Handle {
  readonly fd?: number;
  recvStart?(): unknown;
  recvStop?(): unknown;
}

/** @returns undefined where this Node keeps it elsewhere: then every process reads, and nothing is moved in bursts */
export function handleOf(socket: Socket): Handle | undefined {
  const state = Object.getOwnPropertySymbols(socket).find(({ description }) => description === "state symbol");
  return (socket as unknown as Record<symbol, { handle?: Handle }>)[state ?? Symbol()]?.handle;
}

/** Reads datagrams, or leaves them in the kernel. @returns false where this Node cannot be told to */
export function setReading(socket: Socket, on: boolean): boolean {
  const handle = handleOf(socket);
  if (handle?.recvStart === undefined || handle.recvStop === undefined) return false;
  if (on) handle.recvStart();
  else handle.recvStop();
  return true;
}

/** Sends through node:dgram, which keeps what the kernel does not take at once. */
export class DgramSender<Peer> {
  readonly #socket: Socket;
  readonly #receiver: UdpReceiver<Peer>;
  #waiting = 0;
  #open = true;

  constructor(socket: Socket, receiver: UdpReceiver<Peer>) {
    this.#socket = socket;
    this.#receiver = receiver;
  }

  /** Datagrams of which node:dgram has not told yet that they are sent. */
  get waiting(): number {
    return this.#waiting;
  }

  send(message: Message, port: number, address: string, peer: Peer): boolean {
    if (!this.#open) return false;
    // A burst sent within one turn counts as waiting although the kernel has it: only its real queue is a reason to drop.
    if (this.#waiting >= MAX_WAITING && this.#socket.getSendQueueCount() >= MAX_WAITING) return false;
    this.#waiting++;
    const done = (error: NodeJS.ErrnoException | null): void => {
      this.#waiting--;
      if (error && this.#open) this.#receiver.unsent(peer, explainSocketError(error, hostPort(address, port)));
    };
    try {
      this.#socket.send(asBytes(message), port, address, done);
    } catch (error) {
      // dgram throws for a port out of range.
      setImmediate(done, error as NodeJS.ErrnoException);
    }
    return true;
  }

  close(): Promise<void> {
    this.#open = false;
    return new Promise((resolve) => this.#socket.close(() => resolve()));
  }
}
