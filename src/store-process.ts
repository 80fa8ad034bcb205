import { createServer, type Server, type Socket } from "node:net";
import type { EndpointStore } from "./endpoints/store.ts";
import { openStore } from "./open-store.ts";
import { encodeStoreMessage, storeMessageReader } from "./store-frames.ts";
import type { Answer, Call, News, StoreOrder, Taken } from "./store-messages.ts";
import { StoreService } from "./store-service.ts";

/**
 * The process in which the store of a host lives: reading and writing files, parsing, validating and hashing a table of
 * a million rows take seconds of computing and much memory, and none of that may hold up a call. Whoever started it is
 * served over the channel between the two or, where several processes serve, each of these over a Unix socket. It ends
 * with whom it serves. See separate-store.ts for the other side.
 */

/** How long a process that nobody needs any more goes on with what it has begun. */
const LEAVE_MS = 2000;
/** How long it waits for another one to serve: a process that died has its replacement within that time. */
const LINGER_MS = 5000;
/** How long it waits for the first one. */
const FIRST_MS = 60_000;

let given: (order: StoreOrder) => void;
const order = new Promise<StoreOrder>((resolve) => {
  given = resolve;
});
let isOpen: Promise<EndpointStore> | undefined;
let server: Server | undefined;
const service = new StoreService(
  order.then(({ settings }) => {
    isOpen = openStore(settings, true);
    return isOpen;
  }),
);

// Ctrl-C in a terminal reaches every process; the gateway needs this one until it has stopped.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => undefined);
process.on("disconnect", () => void leave());
process.once("message", (message: StoreOrder) => {
  given(message);
  if (message.socket === undefined) serveParent();
  else serveSocket(message.socket);
});

/** Who it was for is gone, in whatever way: what is being written is written, and nothing stays behind. */
async function leave(): Promise<void> {
  setTimeout(() => process.exit(), LEAVE_MS).unref();
  server?.close();
  await isOpen?.then((store) => store.close()).catch(() => undefined);
  process.exit();
}

function serveParent(): void {
  const session = service.begin((message: Answer | News) => {
    // Without a gateway there is nobody to tell.
    process.send?.(message, undefined, undefined, () => undefined);
  });
  process.on("message", (message: Call | Taken) => session.receive(message));
}

function serveSocket(path: string): void {
  let lingering = setTimeout(() => void leave(), FIRST_MS);
  server = createServer((socket) => {
    clearTimeout(lingering);
    serveOne(socket, (isOrderly) => {
      if (service.sessions > 0) return;
      clearTimeout(lingering);
      lingering = setTimeout(() => void leave(), isOrderly ? 0 : LINGER_MS);
    });
  });
  server.listen(path, () => process.send?.("listening"));
}

/** @param gone called when it has hung up; true when it has said so before */
function serveOne(socket: Socket, gone: (isOrderly: boolean) => void): void {
  let isOrderly = false;
  const session = service.begin((message) => {
    if (!socket.destroyed) socket.write(encodeStoreMessage(message));
  });
  const reader = storeMessageReader((message) => {
    isOrderly ||= (message as Call).method === "close";
    session.receive(message as Call | Taken);
  });
  socket.on("data", (chunk) => reader.push(chunk));
  socket.on("error", () => undefined);
  socket.on("close", () => {
    session.end();
    gone(isOrderly);
  });
}
