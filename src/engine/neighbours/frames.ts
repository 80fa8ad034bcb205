import { LENGTH, LengthFrames } from "../../length-frames.ts";
import type { Passed } from "../../sip/neighbours.ts";

/** What goes from process to process beside datagrams: a head of plain data, and a SIP message where there is one. */
export type FrameHead =
  /** A message that came over a connection, for whoever has its transaction. */
  | { readonly kind: "message"; readonly from: FlowName; readonly asked: readonly number[]; readonly settled: boolean }
  /** The address of a pool, to which no limits apply. */
  | { readonly kind: "pool"; readonly address: string }
  /** The sender reads the UDP sockets no more. */
  | { readonly kind: "turn" }
  /** To be sent on a connection of the receiver's. */
  | { readonly kind: "send"; readonly by: number; readonly connection: number }
  /** A connection of the sender's is closed. */
  | { readonly kind: "closed"; readonly by: number; readonly connection: number; readonly reason: string };

/** A connection, so that another process can answer on it. */
export interface FlowName {
  /** Of the listener: transport, bound address, port. */
  readonly listener: readonly [string, string, number];
  readonly address: string;
  readonly port: number;
  readonly peerNames?: readonly string[];
  /** The process where it is open, and its number there. */
  readonly connection: { readonly owner: number; readonly number: number };
}

/** Takes what arrives. The bytes of a message lie in a larger buffer: a copy is what to keep. */
export interface FrameTaker {
  frame(head: FrameHead, bytes: Buffer): void;
  /** @param name of its flow; see DatagramFlows */
  datagram(name: string, passed: Passed, bytes: Buffer): void;
}

/**
 * A frame: the length of what follows, its kind, and then
 * - PLAIN: the length of the head, the head as JSON, the bytes;
 * - DATAGRAM: settled or not, the number of those asked, the length of the name, those asked, the name, the bytes.
 */
const PLAIN = 0;
const DATAGRAM = 1;
const PLAIN_START = LENGTH + 1 + 4;
const DATAGRAM_START = LENGTH + 1 + 3;
const NO_BYTES = Buffer.alloc(0);

/** @returns a whole frame */
export function plainFrame(head: FrameHead, bytes: Buffer = NO_BYTES): Buffer {
  const text = Buffer.from(JSON.stringify(head));
  const frame = Buffer.allocUnsafe(PLAIN_START + text.length + bytes.length);
  frame.writeUInt32LE(frame.length - LENGTH, 0);
  frame[LENGTH] = PLAIN;
  frame.writeUInt32LE(text.length, LENGTH + 1);
  frame.set(text, PLAIN_START);
  frame.set(bytes, PLAIN_START + text.length);
  return frame;
}

export function datagramFrameSize(name: Buffer, { asked }: Passed, bytes: Buffer): number {
  return DATAGRAM_START + 4 * asked.length + name.length + bytes.length;
}

/** Writes a datagram for whoever has its transaction. @param name at most 255 bytes */
export function putDatagramFrame(to: Buffer, at: number, name: Buffer, passed: Passed, bytes: Buffer): void {
  const { asked, settled } = passed;
  to.writeUInt32LE(datagramFrameSize(name, passed, bytes) - LENGTH, at);
  to[at + LENGTH] = DATAGRAM;
  to[at + LENGTH + 1] = settled ? 1 : 0;
  to[at + LENGTH + 2] = asked.length;
  to[at + LENGTH + 3] = name.length;
  at += DATAGRAM_START;
  for (const id of asked) {
    to.writeUInt32LE(id, at);
    at += 4;
  }
  to.set(name, at);
  to.set(bytes, at + name.length);
}

/** @param taker gets what arrives on a connection */
export function frameReader(taker: FrameTaker): LengthFrames {
  return new LengthFrames((frame) => {
    if (frame[0] === DATAGRAM) takeDatagram(frame, taker);
    else takePlain(frame, taker);
  });
}

function takePlain(frame: Buffer, taker: FrameTaker): void {
  const start = PLAIN_START - LENGTH;
  const bytes = start + frame.readUInt32LE(1);
  taker.frame(JSON.parse(frame.toString("utf8", start, bytes)), frame.subarray(bytes));
}

function takeDatagram(frame: Buffer, taker: FrameTaker): void {
  const settled = frame[1] === 1;
  const start = DATAGRAM_START - LENGTH;
  const askedEnd = start + 4 * frame[2]!;
  const asked: number[] = [];
  for (let i = start; i < askedEnd; i += 4) asked.push(frame.readUInt32LE(i));
  const nameEnd = askedEnd + frame[3]!;
  taker.datagram(frame.toString("latin1", askedEnd, nameEnd), { asked, settled }, frame.subarray(nameEnd));
}
