import { spawn, spawnSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { openSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { end, onCore, type RunningServer, type ServerSetup } from "./server.ts";

const DEADLINE_MS = 120_000;
const CONFIGURATIONS = join(import.meta.dirname, "../../../bench/kamailio");

/** The version of the Kamailio that is installed; undefined where there is none. */
export function kamailioVersion(): string | undefined {
  const { stdout, status } = spawnSync("kamailio", ["-v"], { encoding: "utf8" });
  return status === 0 ? /^version: kamailio (\S+)/.exec(stdout)?.[1] : undefined;
}

/** Kamailio as the yardstick, in the variant that was the fastest on one core: tlsf allocator, one worker. */
export async function startKamailio(setup: ServerSetup): Promise<RunningServer> {
  const { mode, transport, port, poolPort, rows, tls, logged, folder } = setup;
  const streams = transport === "udp" ? [] : ["-N", "1", "-A", "WITH_STREAMS"];
  const secure =
    transport === "tls" ? ["-A", "WITH_TLS", ...define("TLS_KEY", tls.key), ...define("TLS_CERT", tls.cert)] : [];
  const bits = Math.max(8, Math.ceil(Math.log2(rows)));
  const args = [
    ...["-f", join(CONFIGURATIONS, `${mode}.cfg`), "-DD", "-E", "-n", "1"],
    ...["-l", `${transport}:127.0.0.1:${port}`, "-b", String(4 << 20)],
    ...["-m", "4096", "-M", "16", "-x", "tlsf", "-X", "tlsf"],
    ...["-w", folder, "-Y", folder, "-P", join(folder, "pid")],
    // The levels of its log: 0 is warn, 2 is info.
    ...["-A", `DEBUG_LEVEL=${logged ? 2 : 0}`, "-A", `TABLE_ROWS=${rows}`, ...(logged ? ["-A", "LOG_CALLS"] : [])],
    ...define("TABLE_BITS", String(bits)),
    ...define("POOL", `127.0.0.1:${poolPort}${transport === "udp" ? "" : `;transport=${transport}`}`),
    ...streams,
    ...secure,
  ];
  const log = join(folder, "log");
  const file = openSync(log, "a");
  const startedAt = performance.now();
  const child = spawn(...onCore(setup.core, "kamailio", args), { stdio: ["ignore", file, file] });
  const answers = transport === "udp" ? answersDatagram : accepts;
  while (!(await answers(port))) {
    if (child.exitCode !== null || performance.now() - startedAt > DEADLINE_MS) {
      throw new Error(`Kamailio did not start: ${readFileSync(log, "latin1").slice(-2000)}`);
    }
  }
  return {
    name: "Kamailio",
    setup,
    pid: child.pid!,
    startMs: performance.now() - startedAt,
    loopDelayMs: async () => undefined,
    stop: () => end(child),
  };
}

function define(name: string, value: string): string[] {
  return [`--substdefs=!${name}!${value}!g`];
}

async function answersDatagram(port: number): Promise<boolean> {
  const socket = createSocket("udp4");
  try {
    await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
    const local = `127.0.0.1:${socket.address().port}`;
    const answered = once(socket, "message").then(() => true);
    // A port without a server answers with an ICMP message.
    socket.on("error", () => undefined);
    socket.send(
      `OPTIONS sip:nobody@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP ${local};branch=z9hG4bK${port}\r\nMax-Forwards: 9\r\n` +
        `From: <sip:bench@contoso.com>;tag=1\r\nTo: <sip:nobody@127.0.0.1>\r\nCall-ID: ${local}\r\nCSeq: 1 OPTIONS\r\n` +
        "Content-Length: 0\r\n\r\n",
      port,
      "127.0.0.1",
    );
    return await Promise.race([answered, pause(100, false)]);
  } finally {
    socket.close();
  }
}

async function accepts(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return pause(100, false);
  } finally {
    socket.destroy();
  }
}
