import { readFileSync } from "node:fs";
import { connect, isIP, type Socket } from "node:net";
import { connect as connectSecure } from "node:tls";
import type { Logger } from "pino";
import { hostPort } from "../../address.ts";
import type { DrachtioConfig } from "../../config/config.ts";
import type { Call } from "./call.ts";
import type { Pace } from "./pace.ts";
import { secretOf } from "./secret.ts";
import { type Ending, Session } from "./session.ts";

export interface LinkHandlers {
  up(hostPorts: string, version: string): void;
  call(call: Call, session: Session): void;
}

const REMEDIES = {
  unreachable: "see that drachtio-server runs and that its <admin> is at this address and port; it is tried again",
  silent: "see that this is drachtio-server's admin port, with TLS on both sides or on neither; it is tried again",
  refused:
    "make drachtio.secret the secret of the server's <admin>, then reload (SIGHUP); it is not tried again before",
  ended: "see the log of drachtio-server; it is dialled again, and callers get 503 from it meanwhile",
} as const;

/** The link to one drachtio-server that we dial: it is dialled until it is up, and again whenever it ends. */
export class ServerLink {
  readonly name: string;
  readonly #place: { readonly host: string; readonly port: number };
  readonly #log: Logger;
  readonly #pace: Pace;
  readonly #handlers: LinkHandlers;
  readonly #settled: Promise<void>;
  #settle: () => void = () => {};
  #drachtio: DrachtioConfig;
  #socket: Socket | undefined;
  #session: Session | undefined;
  #timer: NodeJS.Timeout | undefined;
  #failures = 0;
  #upAt = 0;
  #closed = false;
  #fault: string | undefined = "it has not been reached yet";
  #refused = false;

  constructor(
    place: { readonly host: string; readonly port: number },
    drachtio: DrachtioConfig,
    log: Logger,
    pace: Pace,
    handlers: LinkHandlers,
  ) {
    this.#place = place;
    this.name = hostPort(place.host, place.port);
    this.#drachtio = drachtio;
    this.#log = log.child({ server: this.name });
    this.#pace = pace;
    this.#handlers = handlers;
    this.#settled = new Promise((resolve) => {
      this.#settle = resolve;
    });
    this.#dial();
  }

  /** Resolves when the first attempt has come to its end, well or not. */
  get settled(): Promise<void> {
    return this.#settled;
  }

  /** Why no requests come from this server; undefined while they do. */
  get fault(): string | undefined {
    return this.#fault;
  }

  /** True when the server refused the secret. */
  get refused(): boolean {
    return this.#refused;
  }

  get underWay(): number {
    return this.#session?.underWay ?? 0;
  }

  /** Takes over another secret and other TLS settings; a link that is down is dialled with them at once. */
  reload(drachtio: DrachtioConfig): void {
    this.#drachtio = drachtio;
    if (this.#session !== undefined || this.#socket !== undefined) return;
    clearTimeout(this.#timer);
    this.#failures = 0;
    this.#dial();
  }

  /** Takes no new requests. A link that is down stays so. */
  leave(): void {
    this.#session?.leave();
    if (this.#session !== undefined) return;
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#socket?.destroy();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#socket?.destroy();
    this.#session?.close();
    this.#settle();
  }

  #dial(): void {
    this.#timer = undefined;
    let secret: string;
    let socket: Socket;
    try {
      secret = secretOf(this.#drachtio);
      socket = this.#open();
    } catch (error) {
      this.#failed("unreachable", (error as Error).message);
      return;
    }
    this.#socket = socket;
    const timer = setTimeout(() => {
      socket.destroy(new Error(`no connection within ${this.#pace.connectMs} ms`));
    }, this.#pace.connectMs);
    const failed = (error: Error): void => {
      clearTimeout(timer);
      socket.on("error", () => {});
      this.#socket = undefined;
      this.#failed("unreachable", error.message);
    };
    socket.once("error", failed);
    socket.once(this.#drachtio.tls === undefined ? "connect" : "secureConnect", () => {
      clearTimeout(timer);
      socket.off("error", failed);
      this.#socket = undefined;
      if (this.#closed) socket.destroy();
      else this.#begin(socket, secret);
    });
  }

  #open(): Socket {
    const { host, port } = this.#place;
    const { tls } = this.#drachtio;
    if (tls === undefined) return connect({ host, port });
    const files = { ca: read(tls.ca), cert: read(tls.cert), key: read(tls.key) };
    const servername = tls.servername ?? (isIP(host) ? undefined : host);
    return connectSecure({ host, port, ...files, ...(servername === undefined ? {} : { servername }) });
  }

  #begin(socket: Socket, secret: string): void {
    this.#session = new Session(socket, secret, true, this.#pace, {
      up: (_, hostPorts, version) => {
        this.#upAt = performance.now();
        this.#fault = undefined;
        this.#refused = false;
        this.#log.info({ sip: hostPorts, version }, "drachtio-server is connected");
        this.#handlers.up(hostPorts, version);
        this.#settle();
      },
      call: (call, session) => this.#handlers.call(call, session),
      down: (_, ending) => this.#down(ending),
    });
  }

  #down({ kind, reason }: Ending): void {
    this.#session = undefined;
    if (this.#closed) return;
    this.#refused = kind === "refused";
    if (this.#refused) {
      this.#fault = reason;
      this.#log.error({ reason, remedy: REMEDIES.refused }, "drachtio-server refused us");
      this.#settle();
      return;
    }
    if (this.#upAt > 0 && performance.now() - this.#upAt > this.#pace.settledMs) this.#failures = 0;
    this.#failed(kind === "silent" ? "silent" : "ended", reason);
  }

  #failed(kind: "unreachable" | "silent" | "ended", reason: string): void {
    if (this.#closed) return;
    const { retryMs, maxRetryMs } = this.#pace;
    const backOff = Math.min(maxRetryMs, retryMs * 2 ** Math.min(this.#failures++, 30));
    // Several gateways whose server comes back do not all call in the same instant.
    const retryInMs = Math.round(backOff * (0.8 + 0.2 * Math.random()));
    // A server that stays away is told of once, not with every attempt.
    const level = this.#fault === reason ? "debug" : "error";
    this.#fault = reason;
    this.#log[level]({ reason, retryInMs, remedy: REMEDIES[kind] }, "drachtio-server is not connected");
    this.#timer = setTimeout(() => this.#dial(), retryInMs);
    this.#settle();
  }
}

function read(path: string | undefined): Buffer | undefined {
  return path === undefined ? undefined : readFileSync(path);
}
