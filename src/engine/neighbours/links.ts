import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { type FrameTaker, frameReader } from "./frames.ts";
import { Outbox } from "./outbox.ts";

/** Unix sockets between the processes of a gateway: each listens on its own, and dials those it has something for. */
export class Links {
  readonly #server: Server;
  readonly #inward = new Set<Socket>();
  readonly #outward = new Map<number, Outbox>();
  readonly #due: Outbox[] = [];

  readonly #beforeWrite: () => void;

  private constructor(server: Server, beforeWrite: () => void) {
    this.#server = server;
    this.#beforeWrite = beforeWrite;
  }

  /**
   * @param path of our own socket; its folder keeps strangers out
   * @param taker gets what arrives
   * @param beforeWrite called before anything goes to a neighbour
   */
  static async listen(path: string, taker: FrameTaker, beforeWrite: () => void = NOTHING): Promise<Links> {
    const links = new Links(
      createServer((socket) => links.#accept(socket, taker)),
      beforeWrite,
    );
    links.#server.listen({ path, exclusive: true });
    await once(links.#server, "listening");
    return links;
  }

  /** Where to put what a neighbour is to get, in that order. It goes out at the end of this turn of the event loop. */
  to(id: number, path: string): Outbox {
    return this.#outward.get(id) ?? this.#dial(id, path);
  }

  /** Bytes that wait for a neighbour. */
  waiting(id: number): number {
    return this.#outward.get(id)?.waiting ?? 0;
  }

  /**
   * Dials those to whom there is no way yet: a first message that waits for that could be overtaken by way of another one.
   * Tells each that is not among them any more that nothing more comes; what was sent still arrives.
   * @param paths of the sockets of the others, by their numbers
   */
  keep(paths: ReadonlyMap<number, string>): void {
    for (const [id, outbox] of this.#outward) {
      if (paths.has(id)) continue;
      this.#outward.delete(id);
      outbox.flush();
      outbox.socket.end();
    }
    for (const [id, path] of paths) if (!this.#outward.has(id)) this.#dial(id, path);
  }

  #dial(id: number, path: string): Outbox {
    // A neighbour that dies takes with it what was meant for it.
    const socket = connect(path).on("error", () => undefined);
    const outbox = new Outbox(socket, this.#isDue, this.#beforeWrite);
    socket.on("close", () => this.#outward.get(id) === outbox && this.#outward.delete(id));
    this.#outward.set(id, outbox);
    return outbox;
  }

  readonly #isDue = (outbox: Outbox): void => {
    this.#due.push(outbox);
    if (this.#due.length === 1) setImmediate(() => this.#flush());
  };

  /** Resolves when no neighbour has a link to us any more: all that was sent to us has been taken. */
  async unused(): Promise<void> {
    for (const socket of this.#inward) if (!socket.closed) await once(socket, "close");
  }

  async close(): Promise<void> {
    this.#flush();
    const ends = [...this.#outward.values()].map(({ socket }) => new Promise<void>((done) => socket.end(() => done())));
    this.#server.close();
    await Promise.all(ends);
    for (const socket of this.#inward) socket.destroy();
  }

  #accept(socket: Socket, taker: FrameTaker): void {
    const reader = frameReader(taker);
    this.#inward.add(socket);
    socket.on("data", (chunk: Buffer) => reader.push(chunk));
    socket.on("error", () => undefined);
    socket.on("close", () => this.#inward.delete(socket));
  }

  #flush(): void {
    for (const outbox of this.#due.splice(0)) outbox.flush();
  }
}

const NOTHING = (): void => {};
