import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** What a machine that is busy may take. */
const START_MS = 30_000;

export interface KamailioSetup {
  /** On 127.0.0.1, UDP and TCP. */
  readonly port: number;
  /** Of everybody who registers; absent = nobody is asked. */
  readonly password?: string;
  /** Of its challenges. */
  readonly algorithm?: "MD5" | "SHA-256";
}

/** A Kamailio on loopback: registrar and proxy of contoso.com, with Path, bindings in memory. */
export class Kamailio {
  readonly port: number;
  readonly #child: ChildProcess;

  private constructor(port: number, child: ChildProcess) {
    this.port = port;
    this.#child = child;
  }

  /** Starts one; it is killed after the test. @throws Error with what it said, when it does not start */
  static async start(t: { teardown(undo: () => unknown): void }, setup: KamailioSetup): Promise<Kamailio> {
    const folder = await mkdtemp(join(tmpdir(), "waypost-kamailio-"));
    t.teardown(() => rm(folder, { recursive: true, force: true }));
    const file = join(folder, "kamailio.cfg");
    await writeFile(file, configuration(setup));
    const path = `${process.env["PATH"]}${delimiter}/usr/sbin`;
    const options = ["-DD", "-E", "-m", "16", "-M", "4", "-Y", folder, "-w", folder, "-f", file];
    const child = spawn("kamailio", options, {
      // A group of its own, so that all its processes can be met at once.
      detached: true,
      stdio: ["ignore", "ignore", "pipe"],
      env: { PATH: path },
    });
    let said = "";
    child.stderr!.on("data", (bytes) => (said += String(bytes)));
    child.on("error", (error) => (said += String(error)));
    const kamailio = new Kamailio(setup.port, child);
    t.teardown(() => kamailio.kill());
    const deadline = Date.now() + START_MS;
    while (!(await answers(setup.port))) {
      if (child.exitCode !== null || Date.now() > deadline) throw new Error(`kamailio did not start: ${said}`);
      await sleep(50);
    }
    return kamailio;
  }

  /** SIGSTOP makes it deaf with its sockets open; SIGCONT wakes it. */
  signal(signal: NodeJS.Signals): void {
    process.kill(-this.#child.pid!, signal);
  }

  /** Kills all its processes; resolves when they are gone. */
  async kill(): Promise<void> {
    const { exitCode, signalCode, pid } = this.#child;
    if (exitCode !== null || signalCode !== null || pid === undefined) return;
    const gone = once(this.#child, "exit");
    this.signal("SIGKILL");
    await gone;
  }
}

async function answers(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

function configuration({ port, password, algorithm = "MD5" }: KamailioSetup): string {
  const challenge =
    password === undefined
      ? ""
      : `if (!pv_www_authenticate("contoso.com", "${password}", "0")) { www_challenge("contoso.com", "1"); exit; }`;
  return `
debug=0
log_stderror=yes
children=1
tcp_children=1
auto_aliases=no
alias="contoso.com"
listen=udp:127.0.0.1:${port}
listen=tcp:127.0.0.1:${port}
tcp_connection_lifetime=3600
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "siputils.so"
loadmodule "textops.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "auth.so"
modparam("usrloc", "db_mode", 0)
modparam("registrar", "use_path", 1)
modparam("registrar", "path_mode", 0)
modparam("registrar", "path_use_received", 0)
modparam("auth", "algorithm", "${algorithm}")
modparam("tm", "failure_reply_mode", 3)
request_route {
  if (is_method("REGISTER")) {
    ${challenge}
    save("location");
    exit;
  }
  if (is_method("CANCEL")) { if (t_check_trans()) t_relay(); exit; }
  if (has_totag()) {
    if (loose_route()) { t_relay(); exit; }
    if (is_method("ACK")) { if (t_check_trans()) t_relay(); exit; }
    sl_send_reply("481", "Call/Transaction Does Not Exist");
    exit;
  }
  if (is_method("INVITE|SUBSCRIBE")) record_route();
  if (!lookup("location")) { sl_send_reply("404", "Not Found"); exit; }
  t_relay();
}
`;
}
