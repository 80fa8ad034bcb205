import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import type { Closing } from "../support/gateway.ts";
import type { SippTransport } from "./sipp.ts";

/** A pool that takes everything and says nothing. */
export async function silentPool(
  t: Closing,
  transport: SippTransport,
): Promise<{ readonly port: number; readonly heard: readonly string[] }> {
  const heard: string[] = [];
  const hear = (bytes: Buffer): void => void heard.push(bytes.toString("latin1"));
  if (transport === "udp") {
    const socket = createSocket("udp4", hear);
    socket.bind(0, "127.0.0.1");
    await once(socket, "listening");
    t.teardown(() => socket.close());
    return { port: socket.address().port, heard };
  }
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on("error", () => {}).on("data", hear);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { port: (server.address() as { port: number }).port, heard };
}
