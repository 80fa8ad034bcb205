import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { createServer as createSecureServer } from "node:tls";
import type { Logger } from "pino";
import { hostPort } from "../../address.ts";
import type { DrachtioConfig } from "../../config/config.ts";
import { WaypostError } from "../../errors.ts";
import type { Call } from "./call.ts";
import type { Pace } from "./pace.ts";
import { secretOf } from "./secret.ts";
import { Session } from "./session.ts";

/** drachtio-server opens one connection for each request; more at once than this are turned away. */
const MAX_CONNECTIONS = 4000;

/** Where drachtio-servers connect to us (their outbound mode: a `route` answer of a request handler led them here). */
export class CallIn {
  readonly #server: Server;
  readonly #sessions = new Set<Session>();
  readonly #log: Logger;
  readonly #pace: Pace;
  readonly #call: (call: Call, session: Session) => void;
  #drachtio: DrachtioConfig;
  #lastRefusal = "";

  private constructor(drachtio: DrachtioConfig, log: Logger, pace: Pace, call: (call: Call, session: Session) => void) {
    this.#drachtio = drachtio;
    this.#log = log;
    this.#pace = pace;
    this.#call = call;
    const { tls } = drachtio;
    const files = tls && { cert: read(tls.cert), key: read(tls.key), ca: read(tls.ca) };
    this.#server =
      files === undefined
        ? createServer((socket) => this.#accept(socket))
        : createSecureServer({ ...files, requestCert: files.ca !== undefined }, (socket) => this.#accept(socket));
    this.#server.maxConnections = MAX_CONNECTIONS;
    this.#server.on("tlsClientError", (error) => this.#refused(error.message));
  }

  /** @throws WaypostError LISTENER_FAILED */
  static async listen(
    place: { readonly host: string; readonly port: number },
    drachtio: DrachtioConfig,
    log: Logger,
    pace: Pace,
    call: (call: Call, session: Session) => void,
  ): Promise<CallIn> {
    const where = hostPort(place.host, place.port);
    try {
      const callIn = new CallIn(drachtio, log, pace, call);
      callIn.#server.listen(place.port, place.host);
      await once(callIn.#server, "listening");
      callIn.#server.on("error", (error) => log.error({ reason: error.message }, "drachtio-servers cannot connect"));
      log.info({ at: where }, "drachtio-servers may connect");
      return callIn;
    } catch (error) {
      const { message } = error as Error;
      throw new WaypostError("LISTENER_FAILED", `cannot listen for drachtio-servers on ${where}: ${message}`, {
        cause: error,
      });
    }
  }

  get underWay(): number {
    let count = 0;
    for (const session of this.#sessions) count += session.underWay;
    return count;
  }

  reload(drachtio: DrachtioConfig): void {
    this.#drachtio = drachtio;
  }

  /** Takes no new connections. */
  leave(): void {
    if (this.#server.listening) this.#server.close();
  }

  close(): void {
    this.leave();
    for (const session of this.#sessions) session.close();
  }

  #accept(socket: Socket): void {
    let secret: string;
    try {
      secret = secretOf(this.#drachtio);
    } catch (error) {
      socket.destroy();
      this.#refused((error as Error).message);
      return;
    }
    const session = new Session(socket, secret, false, this.#pace, {
      up: () => {
        this.#lastRefusal = "";
      },
      call: (call, from) => this.#call(call, from),
      down: (_, { kind, reason }) => {
        this.#sessions.delete(session);
        if (kind === "refused" || kind === "silent") this.#refused(reason);
      },
    });
    this.#sessions.add(session);
  }

  /** There is a connection for each request, so the same trouble is told of once. */
  #refused(reason: string): void {
    const remedy =
      "make drachtio.secret the secret of the server's <admin>, and see that both sides use TLS or neither";
    this.#log[this.#lastRefusal === reason ? "debug" : "error"]({ reason, remedy }, "a drachtio-server cannot use us");
    this.#lastRefusal = reason;
  }
}

function read(path: string | undefined): Buffer | undefined {
  return path === undefined ? undefined : readFileSync(path);
}
