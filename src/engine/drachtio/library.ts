import { Server, type Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import Library from "drachtio-srf";

/**
 * The part of drachtio-srf that is used, with types of our own: those of the package are incomplete. Nothing of what
 * is declared here leaves this folder.
 */

export interface LibraryRequest {
  readonly method: string;
  /** `network` for what a caller sent. */
  readonly source: string;
  readonly source_address: string;
  readonly source_port: number;
  /** `udp`, `tcp`, `tls`, `ws` or `wss`. */
  readonly protocol: string;
  /** `ip:port` of the server's listener; servers before 0.8.4 do not tell. */
  readonly receivedOn?: string;
  /** The whole message. */
  readonly raw: string;
}

export interface LibraryResponse {
  status: number;
  reason: string;
  readonly agent: {
    sendResponse(
      response: LibraryResponse,
      options: { headers: Record<string, string> },
      done: (error: unknown) => void,
    ): void;
  };
}

export interface ProxyOptions {
  readonly recordRoute: boolean;
  readonly provisionalTimeout?: string;
}

export interface ProxyResults {
  readonly finalStatus?: number;
  readonly responses: readonly { readonly address: string; readonly port: number }[];
}

interface LibraryServer {
  on(event: "connect", listener: (error: Error | null, hostPorts: string, version: string) => void): void;
  on(event: "close" | "error", listener: (error: Error) => void): void;
  use(method: string, handler: (request: LibraryRequest, response: LibraryResponse) => void): void;
  listen(options: { server: Server; secret: string }): void;
  proxyRequest(request: LibraryRequest, destinations: string[], options: ProxyOptions): Promise<ProxyResults>;
}

const Srf = Library as unknown as new () => LibraryServer;

/**
 * The methods that drachtio-server is asked to hand over outside of dialogs. INVITE comes last: see below. An ACK is
 * for the server's own transactions, and a BYE outside of a dialog it answers with 481 by itself.
 */
const FIRST_METHODS = [
  "message",
  "subscribe",
  "options",
  "info",
  "notify",
  "update",
  "refer",
  "publish",
  "register",
  "prack",
];
const LAST_METHOD = "invite";
export const METHODS: readonly string[] = [...FIRST_METHODS, LAST_METHOD];

export interface LibraryHandlers {
  /** The server took the secret. `hostPorts` is where it listens for SIP, `version` such as v0.9.10 (may be empty). */
  accepted(hostPorts: string, version: string): void;
  /** The server refused the secret. */
  refused(): void;
  request(request: LibraryRequest, response: LibraryResponse): void;
}

export interface LibrarySession {
  proxy(request: LibraryRequest, destinations: string[], options: ProxyOptions): Promise<ProxyResults>;
}

/**
 * Runs the library on a connection that is open already. The library's own dialling has no limit on a connection
 * attempt, none on the wait for an answer, forgets TLS when it dials again and cannot be stopped; so it is given each
 * socket as if it had accepted it, and the sockets stay ours.
 * @param asksForRequests true where the server has to be told which requests we want: on connections that we opened
 */
export function openSession(
  socket: Socket | TLSSocket,
  secret: string,
  asksForRequests: boolean,
  handlers: LibraryHandlers,
): LibrarySession {
  const srf = new Srf();
  const take = (request: LibraryRequest, response: LibraryResponse): void => handlers.request(request, response);
  for (const method of FIRST_METHODS) srf.use(method, take);
  if (!asksForRequests) srf.use(LAST_METHOD, take);
  srf.on("error", () => {});
  srf.on("connect", (error, hostPorts, version) => {
    if (error) handlers.refused();
    else {
      // On an accepted connection the library names the methods only when one is added: then all of them.
      if (asksForRequests) srf.use(LAST_METHOD, take);
      handlers.accepted(hostPorts, version ?? "");
    }
  });
  const neverListens = new Server();
  srf.listen({ server: neverListens, secret });
  neverListens.emit("connection", socket);
  return { proxy: (request, destinations, options) => srf.proxyRequest(request, destinations, options) };
}
