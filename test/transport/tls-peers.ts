import { once } from "node:events";
import { type ConnectionOptions, connect, createServer, type TlsOptions } from "node:tls";
import type { TlsListenSettings } from "../../src/transport/tls/settings.ts";
import { Authority, Folder } from "../support/certificates.ts";
import { Client, type Closing, listening } from "./wire.ts";

export const ca = await Authority.make();
export const stranger = await Authority.make("Some Other CA");
export const gateway = await ca.issue({ dns: ["gw.contoso.com"] });

/** What the oldest peers speak. */
export const TLS_1_0 = { minVersion: "TLSv1", maxVersion: "TLSv1", ciphers: "DEFAULT:@SECLEVEL=0" } as const;

/** A TLS listener with the gateway's certificate. */
export async function tlsListener(t: Closing, more: Partial<TlsListenSettings> = {}, spec: object = {}) {
  const folder = await Folder.make(t);
  const pair = await folder.putPair("gw", gateway);
  const caFile = await folder.put("ca.pem", ca.pem);
  const tls = { ...pair, ca: caFile, ...more };
  const { transports, handler } = await listening(t, [{ transport: "tls", tls, ...spec }], { connectTimeoutMs: 3000 });
  return { folder, transports, handler, listener: transports.listeners[0]!, stats: transports.stats()[0]! };
}

/** A TLS client that has come through its handshake. */
export async function tlsClient(t: Closing, port: number, options: ConnectionOptions = {}): Promise<Client> {
  const socket = connect({ port, host: "127.0.0.1", ca: ca.pem, servername: "gw.contoso.com", ...options });
  t.teardown(() => socket.destroy());
  await once(socket, "secureConnect");
  return new Client(socket);
}

/** Knocks, and gives the error that the client sees, if it sees one. */
export async function knock(
  t: Closing,
  port: number,
  options: ConnectionOptions = {},
): Promise<NodeJS.ErrnoException | undefined> {
  const socket = connect({ port, host: "127.0.0.1", rejectUnauthorized: false, ...options });
  t.teardown(() => socket.destroy());
  let error: NodeJS.ErrnoException | undefined;
  socket.on("error", (seen) => (error = seen));
  socket.resume();
  await new Promise((resolve) => socket.on("close", resolve));
  return error;
}

/** A TLS server that stands for the pool. Who came through the handshake is in `clients`; `gone` is the first one's end. */
export async function pool(
  t: Closing,
  options: TlsOptions,
): Promise<{ port: number; clients: Client[]; next(): Promise<Client>; gone: Promise<unknown> }> {
  const server = createServer(options);
  const gone = new Promise((resolve) => {
    server.once("connection", (socket) => socket.once("close", resolve));
  });
  const clients: Client[] = [];
  server.on("secureConnection", (socket) => {
    clients.push(new Client(socket));
    t.teardown(() => socket.destroy());
  });
  server.on("tlsClientError", () => undefined);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.teardown(() => server.close());
  return {
    port: (server.address() as { port: number }).port,
    clients,
    gone,
    next: async () => {
      if (clients.length === 0) await once(server, "secureConnection");
      return clients.shift()!;
    },
  };
}

/** Where a pool on loopback is, and the host that is meant. */
export const target = (port: number, host = "pcpool.contoso.com") =>
  ({ transport: "tls", address: "127.0.0.1", port, host }) as const;
