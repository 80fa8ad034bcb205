import type { Socket } from "node:net";
import type { Passed } from "../../sip/neighbours.ts";
import { datagramFrameSize, type FrameHead, plainFrame, putDatagramFrame } from "./frames.ts";

/** Room for what comes together; a longer frame gets its own. */
const ROOM = 65_536;
/** What waits goes out at this size: the neighbour has something to do while we go on with a long burst. */
const WRITE_BYTES = 16_384;

/**
 * What one neighbour is to get. Frames that come in one turn of the event loop are laid side by side and handed over
 * with one write: to the kernel, and to who waits on the other side, it is one piece of work.
 */
export class Outbox {
  readonly socket: Socket;
  readonly #due: (outbox: Outbox) => void;
  readonly #beforeWrite: () => void;
  #buffer = Buffer.allocUnsafeSlow(ROOM);
  #used = 0;

  /**
   * @param due is told when there is something to `flush` at the end of the turn
   * @param beforeWrite see Links.listen
   */
  constructor(socket: Socket, due: (outbox: Outbox) => void, beforeWrite: () => void) {
    this.socket = socket;
    this.#beforeWrite = beforeWrite;
    this.#due = due;
  }

  /** Bytes that wait for the neighbour. */
  get waiting(): number {
    return this.#used + this.socket.writableLength;
  }

  put(head: FrameHead, bytes?: Buffer): void {
    const frame = plainFrame(head, bytes);
    const at = this.#room(frame.length);
    this.#buffer.set(frame, at);
    this.#added(frame.length);
  }

  /** @param name of its flow; see DatagramFlows */
  putDatagram(name: Buffer, passed: Passed, bytes: Buffer): void {
    const size = datagramFrameSize(name, passed, bytes);
    const at = this.#room(size);
    putDatagramFrame(this.#buffer, at, name, passed, bytes);
    this.#added(size);
  }

  flush(): void {
    const { socket } = this;
    const bytes = this.#buffer.subarray(0, this.#used);
    if (this.#used === 0) return;
    this.#used = 0;
    this.#beforeWrite();
    // The buffer can be used again when the kernel has taken all of it at once, as it nearly always does.
    const isFree = socket.writableLength === 0;
    socket.write(isFree ? bytes : Buffer.from(bytes));
    if (isFree && socket.writableLength > 0) this.#buffer = Buffer.allocUnsafeSlow(ROOM);
  }

  #room(size: number): number {
    if (this.#used + size > this.#buffer.length) this.flush();
    if (size > this.#buffer.length) this.#buffer = Buffer.allocUnsafeSlow(size);
    return this.#used;
  }

  #added(size: number): void {
    if (this.#used === 0) this.#due(this);
    this.#used += size;
    if (this.#used >= WRITE_BYTES) this.flush();
  }
}
