import { createSocket } from "node:dgram";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { hostPort } from "../address.ts";
import { familyOf, type Target, type TransportName } from "../sip/flow.ts";
import { FRAMING_ERROR_TEXT, StreamFraming } from "../sip/framing.ts";
import type { SipMessage } from "../sip/message.ts";
import { parseMessage } from "../sip/parse.ts";
import { explainSocketError } from "../transport/explain.ts";
import type { TlsDialler } from "../transport/tls/dialler.ts";
import { explainDialled } from "../transport/tls/failure.ts";

/** Why a peer could not be reached or went away: a sentence without full stop. */
export class LinkError extends Error {}

/** A path to one peer, for a few requests. */
export interface Link {
  readonly transport: TransportName;
  readonly local: { readonly address: string; readonly port: number };
  send(bytes: Buffer): void;
  /** The next message; undefined when none comes in that many milliseconds. @throws LinkError once the path is gone */
  next(withinMs: number): Promise<SipMessage | undefined>;
  close(): void;
}

/** Sets up a TCP connection. @throws LinkError */
export async function openStream(target: Target, withinMs: number): Promise<Socket> {
  const socket = connect({ host: target.address, port: target.port, noDelay: true });
  await settled(socket, "connect", target, withinMs, (error) => explainSocketError(error, peerOf(target)));
  return socket;
}

/** Takes a connection through the TLS handshake, as the gateway does. @throws LinkError */
export async function secureStream(socket: Socket, target: Target, dialler: TlsDialler, withinMs: number) {
  const secured = dialler.dial(target, { socket });
  const peer = `${target.host} (${peerOf(target)})`;
  await settled(secured, "secureConnect", target, withinMs, (error) => `${peer} ${explainDialled(error).text}`);
  const verdict = dialler.judge(secured, target.host);
  if (!("failure" in verdict)) return secured;
  secured.destroy();
  throw new LinkError(`${peer} ${verdict.failure.text}`);
}

/** The link over a connection that is set up. */
export function streamLink(socket: Socket | TLSSocket, target: Target): Link {
  const inbox = new Inbox();
  const framing = new StreamFraming();
  socket.on("data", (chunk: Buffer) => {
    framing.push(chunk);
    for (let bytes = framing.next(); bytes !== undefined; bytes = framing.next()) {
      if (bytes === "ping") socket.write("\r\n");
      else inbox.put(bytes);
    }
    if (framing.error !== undefined) inbox.end(`${peerOf(target)}: ${FRAMING_ERROR_TEXT[framing.error]}`);
  });
  socket.on("error", (error) => inbox.end(explainSocketError(error, peerOf(target))));
  socket.on("close", () => inbox.end(`${peerOf(target)} closed the connection`));
  return {
    transport: target.transport,
    local: { address: socket.localAddress ?? "", port: socket.localPort ?? 0 },
    send: (bytes) => void socket.write(bytes),
    next: (withinMs) => inbox.next(withinMs),
    close: () => void socket.destroy(),
  };
}

/** The link over a UDP socket that talks to one peer alone, so that the system tells us when nobody listens there. */
export async function openUdp(target: Target): Promise<Link> {
  const socket = createSocket(familyOf(target.address) === 6 ? "udp6" : "udp4");
  const inbox = new Inbox();
  socket.on("message", (bytes) => inbox.put(bytes));
  socket.on("error", (error) => inbox.end(explainSocketError(error, peerOf(target))));
  socket.connect(target.port, target.address);
  await Promise.race([once(socket, "connect"), inbox.ended]);
  const gone = inbox.reason;
  if (gone !== undefined) throw new LinkError(gone);
  const { address, port } = socket.address();
  return {
    transport: "udp",
    local: { address, port },
    send: (bytes) => socket.send(bytes),
    next: (withinMs) => inbox.next(withinMs),
    close: () => socket.close(),
  };
}

/** Messages that have come, and the one reader who waits for the next. */
class Inbox {
  readonly #messages: SipMessage[] = [];
  #wake: () => void = () => undefined;
  #end!: () => void;
  reason: string | undefined;
  readonly ended = new Promise<void>((resolve) => (this.#end = resolve));

  put(bytes: Buffer): void {
    const parsed = parseMessage(bytes);
    if (parsed.kind !== "message") return;
    this.#messages.push(parsed.message);
    this.#wake();
  }

  end(reason: string): void {
    this.reason ??= reason;
    this.#end();
    this.#wake();
  }

  async next(withinMs: number): Promise<SipMessage | undefined> {
    if (this.#messages.length === 0 && this.reason === undefined) {
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        timer = setTimeout(resolve, withinMs);
      });
      clearTimeout(timer);
    }
    const message = this.#messages.shift();
    if (message === undefined && this.reason !== undefined) throw new LinkError(this.reason);
    return message;
  }
}

/** Waits for a connection to come about. */
async function settled(
  socket: Socket,
  event: string,
  target: Target,
  withinMs: number,
  explain: (error: NodeJS.ErrnoException) => string,
): Promise<void> {
  const silent = new AbortController();
  const timer = setTimeout(() => silent.abort(), withinMs);
  try {
    await once(socket, event, { signal: silent.signal });
  } catch (error) {
    socket.on("error", () => undefined);
    socket.destroy();
    const text = silent.signal.aborted
      ? `${peerOf(target)} does not answer within ${withinMs} ms`
      : explain(error as NodeJS.ErrnoException);
    throw new LinkError(text, { cause: error });
  } finally {
    clearTimeout(timer);
  }
}

function peerOf({ address, port }: Target): string {
  return hostPort(address, port);
}
