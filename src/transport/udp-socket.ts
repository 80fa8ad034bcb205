import { createSocket } from "node:dgram";
import { hostPort } from "../address.ts";
import { explainSocketError } from "./explain.ts";

/** A bound UDP socket, and no more of it than the listener needs, so that another way to move datagrams fits behind it. */
export interface UdpSocket {
  readonly port: number;
  /** Hands a datagram to the kernel. `failed` is called later, if ever. False when too many wait for the kernel. */
  send(bytes: Buffer, port: number, address: string, failed: (reason: string) => void): boolean;
  close(): Promise<void>;
}

export interface UdpReceiver {
  /** @param bytes one datagram, the receiver's to keep */
  datagram(bytes: Buffer, address: string, port: number): void;
  /** An error of the socket that belongs to no single send. */
  error(reason: string): void;
}

/** Datagrams that may wait for the kernel; beyond it UDP drops, as a network would. */
const MAX_WAITING = 16_384;

/** Binds with node:dgram. Rejects with the system's error. @param bufferBytes wished size of both kernel buffers */
export async function bindUdpSocket(
  family: 4 | 6,
  address: string,
  port: number,
  bufferBytes: number,
  receiver: UdpReceiver,
): Promise<UdpSocket> {
  const socket = createSocket({
    type: family === 4 ? "udp4" : "udp6",
    ipv6Only: family === 6,
    // Only IP literals come here; without this each send would go through dns.lookup and wait for the next tick.
    lookup: (host, _options, callback) => callback(null, host, family),
  });
  await new Promise<void>((resolve, reject) => {
    socket.once("error", reject);
    socket.bind({ address, port, exclusive: true }, () => {
      socket.off("error", reject);
      resolve();
    });
  }).catch((error) => {
    socket.close();
    throw error;
  });
  for (const setSize of [socket.setRecvBufferSize, socket.setSendBufferSize]) {
    try {
      setSize.call(socket, bufferBytes);
    } catch {
      // The kernel's default stays; Linux grants what it may without an error.
    }
  }
  socket.on("message", (bytes, peer) => receiver.datagram(bytes, peer.address, peer.port));
  socket.on("error", (error: NodeJS.ErrnoException) => receiver.error(error.code ?? error.message));

  let waiting = 0;
  let open = true;
  return {
    port: socket.address().port,
    send(bytes, peerPort, peerAddress, failed) {
      if (!open) return false;
      // A burst sent within one turn counts as waiting although the kernel has it: only its real queue is a reason to drop.
      if (waiting >= MAX_WAITING && socket.getSendQueueCount() >= MAX_WAITING) return false;
      waiting++;
      const done = (error: NodeJS.ErrnoException | null): void => {
        waiting--;
        if (error && open) failed(explainSocketError(error, hostPort(peerAddress, peerPort)));
      };
      try {
        socket.send(bytes, peerPort, peerAddress, done);
      } catch (error) {
        // dgram throws for a port out of range.
        setImmediate(done, error as NodeJS.ErrnoException);
      }
      return true;
    },
    close() {
      open = false;
      return new Promise((resolve) => socket.close(resolve));
    },
  };
}
