import type { Message } from "../part.ts";
import type { Turn } from "../turn.ts";
import { bindBatchedSocket, type SharedBind } from "./batched-socket.ts";
import { bindDgramSocket } from "./dgram-socket.ts";
import { loadSystemCalls } from "./system-calls.ts";

/** How datagrams are moved: one by one with node:dgram, or in bursts; `auto` is in bursts wherever that can be done. */
export type UdpForm = "auto" | "dgram" | "batched";

/** A bound UDP socket, and no more of it than the listener needs, so that two ways to move datagrams fit behind it. */
export interface UdpSocket<Peer> {
  readonly port: number;
  /** Takes a datagram for the kernel. False when too many wait for it; then the datagram is dropped. */
  send(message: Message, port: number, address: string, peer: Peer): boolean;
  /** Hands to the kernel now what would go out at the end of this turn of the event loop. */
  flush(): void;
  /** Reads datagrams, or leaves them in the kernel. */
  read(on: boolean): void;
  close(): Promise<void>;
}

export interface UdpReceiver<Peer> {
  /** @param bytes one datagram, good until this returns. @param address an IP literal, with its zone if it needs one */
  datagram(bytes: Buffer, address: string, port: number): void;
  /** What comes from here on came at once, and a moment after what came before in this turn. */
  nextBurst(): void;
  /** A datagram for `peer` could not be sent. Never called from within `send`. */
  unsent(peer: Peer, reason: string): void;
  /** An error of the socket that belongs to no single send. */
  error(reason: string): void;
}

export interface UdpBinding {
  readonly family: 4 | 6;
  /** IP literal, with its zone if it needs one. */
  readonly address: string;
  /** 0 lets the system choose. */
  readonly port: number;
  /** Wished size of both kernel buffers; the kernel may grant less. */
  readonly bufferBytes: number;
}

/**
 * Binds in the wished form; see bindBatchedSocket for `turn` and `share`. Rejects with the system's error when the address cannot be bound.
 * @returns the socket, and why it is not in bursts where that was to be expected
 */
export async function bindUdpSocket<Peer>(
  form: UdpForm,
  binding: UdpBinding,
  receiver: UdpReceiver<Peer>,
  turn: Turn,
  share?: SharedBind,
): Promise<{ socket: UdpSocket<Peer>; setback: string | undefined }> {
  let setback: string | undefined;
  if (form === "batched" || (form === "auto" && process.platform === "linux")) {
    const calls = await loadSystemCalls();
    const socket =
      typeof calls === "string" ? undefined : await bindBatchedSocket(calls, binding, receiver, turn, share);
    if (socket !== undefined) return { socket, setback };
    setback = typeof calls === "string" ? calls : "this version of Node does not let go of the descriptor of a socket";
  }
  return { socket: await bindDgramSocket(binding, receiver), setback };
}
