import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";

/** A port on which the kernel completes no more handshakes, since nobody accepts. */
export async function fullBacklog(t: { teardown(fn: () => unknown): void }): Promise<number> {
  const child = spawn(
    process.execPath,
    [
      "-e",
      `const s = require("net").createServer().listen(0, "127.0.0.1", 1, () => {
         process.stdout.write(s.address().port + "\\n", () => process.kill(process.pid, "SIGSTOP"));
       });`,
    ],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  t.teardown(() => child.kill("SIGKILL"));
  const [line] = await once(child.stdout, "data");
  const port = Number(line);
  // Each connection fills one place; the first that hangs shows that none is left.
  for (;;) {
    const socket = connect({ port, host: "127.0.0.1" }).on("error", () => undefined);
    t.teardown(() => socket.destroy());
    const connected = await Promise.race([
      once(socket, "connect").then(() => true),
      new Promise<boolean>((resolve) => setTimeout(() => setImmediate(resolve, false), 300)),
    ]);
    if (!connected) return port;
  }
}
