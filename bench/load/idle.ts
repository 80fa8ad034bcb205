// Opens connections and keeps them open, idle, until its standard input ends. Says how many there are when all have
// been tried: `opened N, failed M: why`.
//   node idle.js tcp|tls PORT COUNT
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";

/** Handshakes under way at once. */
const AT_ONCE = 32;
/** A handshake that takes longer has failed: the server may be out of files. */
const PATIENCE_MS = 30_000;

const [transport, port, count] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])];
const open = new Set<Socket>();
let failed = 0;
let firstFailure = "";
let started = 0;

function note(error: Error): void {
  failed++;
  firstFailure ||= error.message;
}

async function openSome(): Promise<void> {
  while (started < count) {
    started++;
    const secure = transport === "tls";
    const socket: Socket = secure
      ? connectTls({ host: "127.0.0.1", port, rejectUnauthorized: false })
      : connect(port, "127.0.0.1");
    try {
      await once(socket, secure ? "secureConnect" : "connect", { signal: AbortSignal.timeout(PATIENCE_MS) });
      open.add(socket);
      socket.on("error", note);
      socket.on("close", () => open.delete(socket));
      socket.resume();
    } catch (error) {
      note(error as Error);
      socket.on("error", () => undefined);
      socket.destroy();
    }
  }
}

await Promise.all(Array.from({ length: AT_ONCE }, openSome));
process.stdout.write(`opened ${open.size}, failed ${failed}: ${firstFailure}\n`);
process.stdin.resume();
await once(process.stdin, "end");
process.exit(0);
