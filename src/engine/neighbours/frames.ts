/** What goes from process to process: a head of plain data, and a SIP message where there is one. */
export type FrameHead =
  /** A message for whoever has its transaction. */
  | { readonly kind: "message"; readonly from: FlowName; readonly asked: readonly number[]; readonly settled: boolean }
  /** The address of a pool, to which no limits apply. */
  | { readonly kind: "pool"; readonly address: string }
  /** The sender reads the UDP sockets no more. */
  | { readonly kind: "turn" }
  /** To be sent on a connection of the receiver's. */
  | { readonly kind: "send"; readonly by: number; readonly connection: number }
  /** A connection of the sender's is closed. */
  | { readonly kind: "closed"; readonly by: number; readonly connection: number; readonly reason: string };

/** A flow, so that another process can answer on it. */
export interface FlowName {
  /** Of the listener: transport, bound address, port. */
  readonly listener: readonly [string, string, number];
  readonly address: string;
  readonly port: number;
  readonly peerNames?: readonly string[];
  /** A connection has a number, and the process where it is open. */
  readonly connection?: { readonly owner: number; readonly number: number };
}

const LENGTHS = 8;
const NO_BYTES = Buffer.alloc(0);

/** Both lengths, the head as JSON, the bytes. */
export function encodeFrame(head: FrameHead, bytes: Buffer = NO_BYTES): Buffer {
  const text = JSON.stringify(head);
  const size = Buffer.byteLength(text);
  const frame = Buffer.allocUnsafe(LENGTHS + size + bytes.length);
  frame.writeUInt32LE(size, 0);
  frame.writeUInt32LE(bytes.length, 4);
  frame.write(text, LENGTHS, "utf8");
  bytes.copy(frame, LENGTHS + size);
  return frame;
}

/** Cuts frames out of what arrives on a connection. */
export class FrameReader {
  readonly #take: (head: FrameHead, bytes: Buffer) => void;
  #pending: Buffer = NO_BYTES;

  /** @param take gets each frame; its bytes are the taker's to keep */
  constructor(take: (head: FrameHead, bytes: Buffer) => void) {
    this.#take = take;
  }

  push(chunk: Buffer): void {
    const all = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    let at = 0;
    while (all.length - at >= LENGTHS) {
      const head = at + LENGTHS;
      const bytes = head + all.readUInt32LE(at);
      const end = bytes + all.readUInt32LE(at + 4);
      if (end > all.length) break;
      this.#take(JSON.parse(all.toString("utf8", head, bytes)), Buffer.from(all.subarray(bytes, end)));
      at = end;
    }
    this.#pending = at === all.length ? NO_BYTES : all.subarray(at);
  }
}
