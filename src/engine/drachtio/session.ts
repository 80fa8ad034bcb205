import { randomUUID } from "node:crypto";
import type { Socket } from "node:net";
import { Call, type Carried } from "./call.ts";
import { type LibrarySession, METHODS, openSession } from "./library.ts";
import type { Pace } from "./pace.ts";

/** How a session ended. `refused`: the server did not take the secret; to try again with the same one is no use. */
export interface Ending {
  readonly kind: "refused" | "silent" | "ended" | "closed";
  /** A sentence without its beginning. */
  readonly reason: string;
}

export interface SessionHandlers {
  /** The server took the secret; requests come from now on. `hostPorts` is where it listens for SIP. */
  up(session: Session, hostPorts: string, version: string): void;
  call(call: Call, session: Session): void;
  /** Called once, whatever happened. */
  down(session: Session, ending: Ending): void;
}

const LINGER_MS = 1000;

/** The versions that answer pings; an older one is never found silent. */
const PINGS_SINCE = [0, 8, 2] as const;

/**
 * One control connection to a drachtio-server, from the open socket to its end. A server that says nothing is noticed,
 * and what was under way when the connection ended is settled.
 */
export class Session {
  readonly #socket: Socket;
  readonly #pace: Pace;
  readonly #handlers: SessionHandlers;
  readonly #library: LibrarySession;
  readonly #underWay = new Set<(reason: string) => void>();
  #timer: NodeJS.Timeout;
  #heardAt = performance.now();
  #isUp = false;
  #ending: Ending | undefined;

  /** @param socket open, and ours: it is closed with the session. @param dialled true where we opened it */
  constructor(socket: Socket, secret: string, dialled: boolean, pace: Pace, handlers: SessionHandlers) {
    this.#socket = socket;
    this.#pace = pace;
    this.#handlers = handlers;
    socket.setNoDelay(true);
    socket.on("data", () => {
      this.#heardAt = performance.now();
    });
    socket.on("error", (error) => this.#end({ kind: "ended", reason: error.message }));
    // The library tells of a refused secret a turn later, and the server closes right behind it.
    socket.on("close", () => {
      setImmediate(() => this.#end({ kind: "ended", reason: "the connection was closed by the other side" }));
    });
    const silence = `it accepted the connection and then said nothing for ${pace.acceptMs} ms`;
    this.#timer = setTimeout(() => this.#end({ kind: "silent", reason: silence }), pace.acceptMs);
    this.#library = openSession(socket, secret, dialled, {
      accepted: (hostPorts, version) => this.#accepted(hostPorts, version),
      refused: () => this.#end({ kind: "refused", reason: "it refused the secret" }),
      request: (request, response) => {
        if (request.source !== "network" || this.#ending !== undefined) return;
        const withDeadline = <T>(work: Promise<T>, withinMs: number, what: string) => {
          return this.#withDeadline(work, withinMs, what);
        };
        handlers.call(new Call(request, response, this.#library, withDeadline), this);
      },
    });
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  /** Orders that the server has not confirmed yet. */
  get underWay(): number {
    return this.#underWay.size;
  }

  /** Asks the server for no more requests: those to come go to other applications. */
  leave(): void {
    if (this.#isUp) for (const method of METHODS) this.#order(`remove_route|${method}`);
  }

  close(reason = "the gateway closed it"): void {
    this.#end({ kind: "closed", reason });
  }

  #accepted(hostPorts: string, version: string): void {
    if (this.#ending !== undefined) return;
    clearTimeout(this.#timer);
    this.#isUp = true;
    if (answersPings(version)) this.#timer = setInterval(() => this.#ping(), this.#pace.pingMs);
    this.#handlers.up(this, hostPorts, version);
  }

  #ping(): void {
    const silentFor = performance.now() - this.#heardAt;
    if (silentFor > this.#pace.silentMs) {
      this.#end({ kind: "silent", reason: `it has said nothing for ${Math.round(silentFor / 1000)} s` });
      return;
    }
    // The library's pings are not watched for their answers, so it sends none.
    this.#order("ping");
  }

  /** Says what the library has no word for. The answer comes back to it with an id that it does not know, and is passed over. */
  #order(words: string): void {
    const message = `${randomUUID()}|${words}`;
    this.#socket.write(`${message.length}#${message}`);
  }

  #withDeadline<T>(work: Promise<T>, withinMs: number, what: string): Promise<Carried<T>> {
    return new Promise((resolve) => {
      const finish = (outcome: Carried<T>): void => {
        clearTimeout(timer);
        this.#underWay.delete(abandon);
        resolve(outcome);
      };
      const abandon = (reason: string): void => finish({ done: false, reason });
      const timer = setTimeout(() => abandon(`${what} within ${withinMs} ms`), withinMs);
      this.#underWay.add(abandon);
      work.then(
        (result) => finish({ done: true, result }),
        (error: Error) => abandon(error.message),
      );
    });
  }

  #end(ending: Ending): void {
    if (this.#ending !== undefined) return;
    this.#ending = ending;
    this.#isUp = false;
    clearTimeout(this.#timer);
    if (ending.kind === "closed") {
      // What was written goes out still, if the other side reads at all.
      this.#socket.end(() => this.#socket.destroy());
      setTimeout(() => this.#socket.destroy(), LINGER_MS).unref();
    } else this.#socket.destroy();
    for (const abandon of [...this.#underWay]) abandon(`the connection to drachtio-server ended: ${ending.reason}`);
    this.#handlers.down(this, ending);
  }
}

/** @param version such as v0.9.10; a build of its own may tell none, and is taken for a new one */
function answersPings(version: string): boolean {
  const numbers = /^v(\d+)\.(\d+)\.(\d+)/.exec(version)?.slice(1).map(Number);
  if (numbers === undefined) return true;
  const at = numbers.findIndex((number, index) => number !== PINGS_SINCE[index]);
  return at < 0 || numbers[at]! > PINGS_SINCE[at]!;
}
