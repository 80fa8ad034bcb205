import { connect, createServer, type Socket } from "node:net";
import type { Target } from "../sip/flow.ts";
import { type Connection, StreamConnection } from "./connection.ts";
import { type BoundServer, ConnectionListener, type DialOptions } from "./connection-listener.ts";

/** Binds and listens. Rejects with the system's error. @param address IP literal, with its zone if it has one */
export async function bindTcpServer(family: 4 | 6, address: string, port: number): Promise<BoundServer> {
  const server = createServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: 60_000 });
  const early: Socket[] = [];
  server.on("connection", (socket) => early.push(socket.on("error", () => undefined)));
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host: address, port, ipv6Only: family === 6, exclusive: false }, () => {
      server.off("error", reject);
      resolve();
    });
  });
  return { server, port: (server.address() as { port: number }).port, early };
}

/** SIP over TCP, as it is. */
export class TcpListener extends ConnectionListener {
  protected override welcome(socket: Socket, address: string, port: number): void {
    this.add(new StreamConnection(socket, this, address, port));
  }

  protected override dial(target: Target, where: DialOptions): Connection {
    const socket = connect({ ...where, noDelay: true, keepAlive: true, keepAliveInitialDelay: 60_000 });
    return this.add(new StreamConnection(socket, this, target.address, target.port, { event: "connect" }));
  }
}
