import type { TransportName } from "../../sip/flow.ts";
import type { SipMessage } from "../../sip/message.ts";
import type { Parsed } from "../../sip/parse.ts";
import { parseMessage } from "../../sip/parse.ts";
import type { LibraryRequest, LibraryResponse, LibrarySession, ProxyOptions, ProxyResults } from "./library.ts";

/** What became of an order to the server: done, or why it is not known to be done. */
export type Carried<T> =
  | { readonly done: true; readonly result: T }
  | { readonly done: false; readonly reason: string };

/** Runs an order of ours within its deadline, and ends it when the connection to the server ends. Never rejects. */
export type WithDeadline = <T>(work: Promise<T>, withinMs: number, what: string) => Promise<Carried<T>>;

/** A request that a drachtio-server handed over: plain data, and the two things that can be done with it. */
export class Call {
  readonly request: Parsed;
  readonly transport: TransportName;
  readonly sourceAddress: string;
  readonly sourcePort: number;
  /** The listener of the server as `ip:port`; undefined where it did not tell. */
  readonly receivedOn: string | undefined;
  readonly #library: LibraryRequest;
  readonly #response: LibraryResponse;
  readonly #session: LibrarySession;
  readonly #withDeadline: WithDeadline;

  constructor(request: LibraryRequest, response: LibraryResponse, session: LibrarySession, withDeadline: WithDeadline) {
    // The library hands over text; as UTF-8 it is the bytes that came, as far as they were UTF-8.
    this.request = parseMessage(Buffer.from(request.raw, "utf8"));
    this.transport = transportOf(request.protocol);
    this.sourceAddress = request.source_address.replace(/^\[|\]$/g, "");
    this.sourcePort = request.source_port;
    this.receivedOn = request.receivedOn;
    this.#library = request;
    this.#response = response;
    this.#session = session;
    this.#withDeadline = withDeadline;
  }

  /** The message, whole or broken; undefined when nothing could be read of it. */
  get message(): SipMessage | undefined {
    return this.request.kind === "hopeless" ? undefined : this.request.message;
  }

  /** Answers it. Resolves when the server has confirmed the answer. */
  answer(status: number, reason: string, headers: Record<string, string>, withinMs: number): Promise<Carried<unknown>> {
    const response = this.#response;
    const work = new Promise((resolve, reject) => {
      // The library's own `send` refuses statuses that its list lacks, 303 among them.
      response.status = status;
      response.reason = reason;
      response.agent.sendResponse(response, { headers }, (error) =>
        error ? reject(asError(error)) : resolve(undefined),
      );
    });
    return this.#withDeadline(work, withinMs, "drachtio-server did not confirm the answer");
  }

  /** Has the server proxy it. Resolves with the final answer that the caller got. */
  proxy(destinations: readonly string[], options: ProxyOptions, withinMs: number): Promise<Carried<ProxyResults>> {
    let work: Promise<ProxyResults>;
    try {
      // The library writes into the list, and names its faults with plain text.
      work = this.#session.proxy(this.#library, [...destinations], { ...options }).catch((error: unknown) => {
        throw asError(error);
      });
    } catch (error) {
      work = Promise.reject(asError(error));
    }
    return this.#withDeadline(work, withinMs, "drachtio-server reported no final answer");
  }
}

function transportOf(protocol: string): TransportName {
  const word = protocol.toLowerCase();
  return word === "tcp" || word === "tls" || word === "ws" || word === "wss" ? word : "udp";
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
