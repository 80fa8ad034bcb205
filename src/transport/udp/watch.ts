import { F_DUPFD_CLOEXEC, type PollHandle, type SystemCalls, systemError } from "./system-calls.ts";

/** The event loop's watch over a socket: it tells when there is something to read. After `close` it may not be used. */
export class Watch {
  readonly #calls: SystemCalls;
  /** The socket by another name, since the event loop may have to watch its own for node:dgram. */
  readonly #descriptor: number;
  readonly #readable: () => void;
  readonly #handle: PollHandle;

  /**
   * @param readable called in each turn of the event loop in which there is something; it may not throw
   * @throws the system's error
   */
  constructor(calls: SystemCalls, socket: number, readable: () => void) {
    this.#calls = calls;
    this.#readable = readable;
    this.#descriptor = calls.fcntl(socket, F_DUPFD_CLOEXEC, 0);
    if (this.#descriptor < 0) throw systemError(calls, "fcntl");
    try {
      this.#handle = calls.poll(this.#descriptor, this.#heard);
    } catch (error) {
      calls.close(this.#descriptor);
      throw error;
    }
  }

  start(): void {
    this.#handle.start(this.#heard);
  }

  stop(): void {
    this.#handle.stop();
  }

  close(): void {
    this.#handle.close();
    this.#calls.close(this.#descriptor);
  }

  /** The handle has it, and by it the handle is kept from the garbage collector. */
  readonly #heard = (status: number): void => {
    // The socket has an error, which whoever reads next is told and which is gone then; nobody watches any more.
    if (status !== 0) this.start();
    this.#readable();
  };
}
