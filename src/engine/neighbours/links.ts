import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { type FrameHead, FrameReader } from "./frames.ts";

/** What waits for one neighbour goes out at this size: it has something to do while we go on with a long burst. */
const WRITE_BYTES = 16_384;

/** Unix sockets between the processes of a gateway: each listens on its own, and dials those it has something for. */
export class Links {
  readonly #server: Server;
  readonly #inward = new Set<Socket>();
  readonly #outward = new Map<number, Socket>();
  readonly #corked: Socket[] = [];

  private constructor(server: Server) {
    this.#server = server;
  }

  /** @param path of our own socket; its folder keeps strangers out. @param take gets each frame */
  static async listen(path: string, take: (head: FrameHead, bytes: Buffer) => void): Promise<Links> {
    const links = new Links(createServer((socket) => links.#accept(socket, take)));
    links.#server.listen({ path, exclusive: true });
    await once(links.#server, "listening");
    return links;
  }

  /** Sends in the order of the calls; what is sent in one turn of the event loop goes out in few writes. */
  send(to: number, path: string, frame: Buffer): void {
    const socket = this.#outward.get(to) ?? this.#dial(to, path);
    if (socket.writableCorked === 0) {
      socket.cork();
      this.#corked.push(socket);
      if (this.#corked.length === 1) setImmediate(() => this.#uncork());
    }
    socket.write(frame);
    if (socket.writableLength < WRITE_BYTES) return;
    socket.uncork();
    socket.cork();
  }

  /** Bytes that wait for a neighbour. */
  waiting(to: number): number {
    return this.#outward.get(to)?.writableLength ?? 0;
  }

  /**
   * Dials those to whom there is no way yet: a first message that waits for that could be overtaken by way of another one.
   * Tells each that is not among them any more that nothing more comes; what was sent still arrives.
   * @param paths of the sockets of the others, by their numbers
   */
  keep(paths: ReadonlyMap<number, string>): void {
    for (const [id, socket] of this.#outward) {
      if (paths.has(id)) continue;
      this.#outward.delete(id);
      socket.end();
    }
    for (const [id, path] of paths) if (!this.#outward.has(id)) this.#dial(id, path);
  }

  #dial(to: number, path: string): Socket {
    // A neighbour that dies takes with it what was meant for it.
    const socket = connect(path).on("error", () => undefined);
    socket.on("close", () => this.#outward.get(to) === socket && this.#outward.delete(to));
    this.#outward.set(to, socket);
    return socket;
  }

  /** Resolves when no neighbour has a link to us any more: all that was sent to us has been taken. */
  async unused(): Promise<void> {
    for (const socket of this.#inward) if (!socket.closed) await once(socket, "close");
  }

  async close(): Promise<void> {
    this.#uncork();
    const ends = [...this.#outward.values()].map((socket) => new Promise<void>((done) => socket.end(() => done())));
    this.#server.close();
    await Promise.all(ends);
    for (const socket of this.#inward) socket.destroy();
  }

  #accept(socket: Socket, take: (head: FrameHead, bytes: Buffer) => void): void {
    const reader = new FrameReader(take);
    this.#inward.add(socket);
    socket.on("data", (chunk: Buffer) => reader.push(chunk));
    socket.on("error", () => undefined);
    socket.on("close", () => this.#inward.delete(socket));
  }

  #uncork(): void {
    for (const socket of this.#corked.splice(0)) socket.uncork();
  }
}
