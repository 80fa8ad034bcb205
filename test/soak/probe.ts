import cluster from "node:cluster";
import { createServer } from "node:net";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/**
 * Loaded ahead of the program into every process of the gateway that is soaked: whoever connects to the socket of a
 * process makes it collect its garbage and is told what is left.
 */
export interface MemoryFigures {
  readonly role: "supervisor" | "gateway" | "store" | "other";
  readonly pid: number;
  /** All in bytes. */
  readonly heapUsed: number;
  readonly external: number;
  readonly resident: number;
}

const folder = process.env["SOAK_PROBES"];
setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

function role(): MemoryFigures["role"] {
  const program = process.argv[1] ?? "";
  if (program.includes("store-process")) return "store";
  if (!program.includes("cli/main")) return "other";
  return cluster.isWorker ? "gateway" : "supervisor";
}

if (folder !== undefined && role() !== "other" && (role() === "store" || process.argv[2] === "serve")) {
  const server = createServer((socket) => {
    collect();
    // What finalisers let go is collected by the second one.
    setImmediate(() => {
      collect();
      const { heapUsed, external, rss: resident } = process.memoryUsage();
      socket.end(
        JSON.stringify({ role: role(), pid: process.pid, heapUsed, external, resident } satisfies MemoryFigures),
      );
    });
    socket.on("error", () => undefined);
  });
  server.listen({ path: join(folder, `${process.pid}.sock`), exclusive: true });
  server.unref();
}
