import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { createServer, type Server } from "node:net";

/** Below what the system hands out by itself, so that no connection takes the port before its owner does. */
const LOWEST = 20_000;
const HIGHEST = 32_000;
const given = new Set<number>();

/**
 * The first of `count` ports in a row on which neither UDP nor TCP is bound, over IPv4 or IPv6 and at whatever address,
 * for programs that have to be told their port.
 */
export async function freePort(count = 1): Promise<number> {
  for (;;) {
    const first = LOWEST + Math.floor(Math.random() * (HIGHEST - LOWEST - count));
    const ports = Array.from({ length: count }, (_, at) => first + at);
    if (ports.some((port) => given.has(port))) continue;
    for (const port of ports) given.add(port);
    if ((await Promise.all(ports.map(isFree))).every(Boolean)) return first;
  }
}

export async function isFree(port: number): Promise<boolean> {
  const bound = await Promise.all([
    bindsTcp(port, "0.0.0.0"),
    bindsUdp(port, 4),
    bindsTcp(port, "::"),
    bindsUdp(port, 6),
  ]);
  return bound.every(Boolean);
}

async function bindsTcp(port: number, host: string): Promise<boolean> {
  const server = createServer();
  server.listen({ port, host, ipv6Only: true });
  return outcome(server);
}

async function bindsUdp(port: number, family: 4 | 6): Promise<boolean> {
  const socket = createSocket({ type: `udp${family}`, ipv6Only: family === 6 });
  socket.bind(port);
  return outcome(socket);
}

/** What comes of a bind that is under way; the port is let go again. A machine without IPv6 has nothing bound there. */
async function outcome(socket: Server | Socket): Promise<boolean> {
  try {
    await once(socket, "listening");
  } catch (error) {
    return ["EAFNOSUPPORT", "EADDRNOTAVAIL"].includes(String((error as NodeJS.ErrnoException).code));
  }
  await new Promise<void>((resolve) => socket.close(() => resolve()));
  return true;
}
