import { randomUUID } from "node:crypto";
import type { Socket } from "node:net";

/** One message of drachtio's control protocol: words with bars between them, and perhaps a SIP message behind. */
export interface ControlMessage {
  readonly id: string;
  readonly words: readonly string[];
  readonly sip: string;
}

/** The server's side of a control connection: messages of the form `<bytes>#<id>|<word>|…`, CRLF and SIP behind it. */
export class ControlChannel {
  readonly socket: Socket;
  /** False: bytes are taken and nothing is done with them, as by a process that hangs. */
  listens = true;
  readonly #take: (message: ControlMessage) => void;
  #pending = Buffer.alloc(0);

  constructor(socket: Socket, take: (message: ControlMessage) => void) {
    this.socket = socket;
    this.#take = take;
    socket.on("error", () => {});
    socket.on("data", (chunk) => this.#data(chunk));
  }

  /** Sends words, the id in front, and a SIP message behind them. */
  send(words: readonly (string | number)[], sip?: string): void {
    const text = `${[randomUUID(), ...words].join("|")}${sip === undefined ? "" : `\r\n${sip}`}`;
    if (this.listens) this.socket.write(`${Buffer.byteLength(text)}#${text}`);
  }

  #data(chunk: Buffer): void {
    this.#pending = Buffer.concat([this.#pending, chunk]);
    for (;;) {
      const hash = this.#pending.indexOf("#");
      if (hash < 0) return;
      const end = hash + 1 + Number(this.#pending.toString("latin1", 0, hash));
      if (!(end <= this.#pending.length)) return;
      const text = this.#pending.toString("utf8", hash + 1, end);
      this.#pending = this.#pending.subarray(end);
      const cut = text.indexOf("\r\n");
      const [id, ...words] = (cut < 0 ? text : text.slice(0, cut)).split("|");
      if (this.listens) this.#take({ id: id!, words, sip: cut < 0 ? "" : text.slice(cut + 2) });
    }
  }
}
