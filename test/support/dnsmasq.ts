import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { delimiter } from "node:path";
import { freePort } from "./free-port.ts";

/** A dnsmasq on loopback that serves the given records and nothing else. */
export class Dnsmasq {
  readonly port: number;
  readonly #process: ChildProcess;

  private constructor(port: number, child: ChildProcess) {
    this.port = port;
    this.#process = child;
    process.once("exit", () => child.kill("SIGKILL"));
  }

  /**
   * @param records options of dnsmasq, without their dashes: `srv-host=_sip._tcp.pool.test,a.test,5060,10,5`
   * @throws Error with what dnsmasq said, when it does not start
   */
  static async start(records: readonly string[]): Promise<Dnsmasq> {
    for (let tries = 1; ; tries++) {
      const port = await freePort();
      // No files of the system, no change of user, in the foreground, log to standard error.
      const options = ["conf-file=/dev/null", "pid-file=", "no-resolv", "no-hosts", "user=", "keep-in-foreground"];
      const place = [`port=${port}`, "listen-address=127.0.0.1", "bind-interfaces", "log-facility=-", "local=/test/"];
      const child = spawn(
        "dnsmasq",
        [...options, ...place, ...records].map((option) => `--${option}`),
        // Debian installs it where not everyone's PATH leads to.
        { stdio: ["ignore", "ignore", "pipe"], env: { PATH: `${process.env["PATH"]}${delimiter}/usr/sbin` } },
      );
      let said = "";
      const started = new Promise<boolean>((resolve) => {
        child.stderr.on("data", (bytes) => {
          said += String(bytes);
          if (said.includes("started, ")) resolve(true);
        });
        child.on("error", (error) => {
          said += String(error);
          resolve(false);
        });
        child.on("exit", () => resolve(false));
      });
      if (await started) return new Dnsmasq(port, child);
      // Another process may have taken the port meanwhile.
      if (tries === 3) throw new Error(`dnsmasq did not start: ${said}`);
    }
  }

  async close(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const gone = once(this.#process, "exit");
    this.#process.kill("SIGKILL");
    await gone;
  }
}
