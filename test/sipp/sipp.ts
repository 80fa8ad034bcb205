import { type ChildProcess, spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as after } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { Test } from "tap";
import { hostPort } from "../../src/address.ts";
import { freePort } from "../support/free-port.ts";

export type SippTransport = "udp" | "tcp";

/** One sipp process: a scenario in test/sipp/scenarios/ and how it is played. */
export interface SippSetup {
  /** Name of the scenario's file, without `.xml`. */
  readonly scenario: string;
  readonly transport: SippTransport;
  /** What stands for `{{name}}` in the scenario. */
  readonly fill?: Readonly<Record<string, string | number>>;
  /** The address to be bound; 127.0.0.1 when absent. */
  readonly address?: "127.0.0.1" | "::1";
  /** The port to be bound; absent = a free one. */
  readonly port?: number;
  /** Where requests go; absent for a scenario that begins with a request from outside. */
  readonly to?: { readonly address: string; readonly port: number };
  /** Calls until it ends; 1 when absent. */
  readonly calls?: number;
  /** Further options of sipp. */
  readonly options?: readonly string[];
}

/** A scenario that does not come to its end ends here. */
const LIMIT_SECONDS = 20;
const READY_LOOK_MS = 20;
const SCENARIOS = join(packageRoot(), "test", "sipp", "scenarios");

/**
 * Plays scenarios against each other: first those that wait for requests, then, when these are bound, the caller.
 * Every one of them has to end with status 0, which sipp gives when each call went as the scenario says.
 */
export async function play(t: Test, caller: SippSetup, ...waiting: readonly SippSetup[]): Promise<SippPart[]> {
  const folder = await mkdtemp(join(tmpdir(), "waypost-sipp-"));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const parts: SippPart[] = [];
  for (const setup of waiting) parts.push(await SippPart.start(folder, setup));
  await Promise.all(parts.map((part) => part.bound()));
  const first = await SippPart.start(folder, caller);
  const status = await first.status;
  // What the caller could not finish, nobody else will.
  if (status !== 0) for (const part of parts) part.kill();
  for (const part of [first, ...parts]) {
    if (!t.equal(await part.status, 0, `sipp plays ${part.name} to its end`)) t.comment(await part.report());
  }
  return [first, ...parts];
}

/** A running or ended sipp. */
export class SippPart {
  readonly name: string;
  readonly port: number;
  /** Exit status; null when it was killed. */
  readonly status: Promise<number | null>;
  readonly #child: ChildProcess;
  readonly #transport: SippTransport;
  readonly #address: "127.0.0.1" | "::1";
  readonly #folder: string;
  #output = "";

  private constructor(setup: SippSetup, port: number, child: ChildProcess, folder: string) {
    this.name = `${setup.scenario} over ${setup.transport}`;
    this.port = port;
    this.#transport = setup.transport;
    this.#address = setup.address ?? "127.0.0.1";
    this.#child = child;
    this.#folder = folder;
    child.stderr!.on("data", (text) => void (this.#output += text));
    this.status = new Promise((resolve, reject) => {
      child.on("error", reject);
      child.on("close", resolve);
    });
  }

  static async start(within: string, setup: SippSetup): Promise<SippPart> {
    const port = setup.port ?? (await freePort());
    const folder = join(within, `${setup.scenario}-${port}`);
    await mkdir(folder);
    const scenario = join(folder, "scenario.xml");
    await writeFile(scenario, await scenarioText(setup));
    const words = [
      ...(setup.to === undefined ? [] : [hostPort(setup.to.address, setup.to.port)]),
      ...[
        "-sf",
        scenario,
        "-t",
        setup.transport === "udp" ? "u1" : "t1",
        "-i",
        setup.address ?? "127.0.0.1",
        "-p",
        `${port}`,
      ],
      ...["-m", `${setup.calls ?? 1}`, "-r", "100", "-timeout", `${LIMIT_SECONDS}s`, "-timeout_error", "-nostdin"],
      ...["-trace_err", "-error_file", "errors.log", "-trace_msg", "-message_file", "messages.log"],
      ...(setup.options ?? []),
    ];
    const child = spawn("sipp", words, { cwd: folder, stdio: ["ignore", "ignore", "pipe"] });
    return new SippPart(setup, port, child, folder);
  }

  /** Resolves when its port is bound. sipp does not tell, so the port is tried. */
  async bound(): Promise<void> {
    const isBound = this.#transport === "udp" ? udpIsBound : tcpIsBound;
    while (!(await isBound(this.port, this.#address))) {
      if (this.#child.exitCode !== null) throw new Error(`sipp did not start.\n${await this.report()}`);
      await after(READY_LOOK_MS);
    }
  }

  kill(): void {
    this.#child.kill();
  }

  /** The messages that it received, as raw text, in their order. */
  async received(): Promise<string[]> {
    const trace = await this.#file("messages.log");
    return trace.split(/^-{20,} .*\n/m).flatMap((entry) => {
      const [, direction, text] = /^(?:UDP|TCP) message (received|sent) .*:\s*\n\n([\s\S]*)$/.exec(entry) ?? [];
      return direction === "received" ? text! : [];
    });
  }

  /** What it complained about and what it saw, for people. */
  async report(): Promise<string> {
    const errors = await this.#file("errors.log");
    const messages = await this.#file("messages.log");
    return `${this.name}\n${this.#output}\n${errors.slice(0, 3000)}\n${messages.slice(-6000)}`;
  }

  #file(name: string): Promise<string> {
    const path = join(this.#folder, name);
    return existsSync(path) ? readFile(path, "latin1") : Promise.resolve("");
  }
}

async function scenarioText({ scenario, fill = {} }: SippSetup): Promise<string> {
  const text = await readFile(join(SCENARIOS, `${scenario}.xml`), "utf8");
  return text.replace(/\{\{(\w+)\}\}/g, (_, name: string) => {
    const value = fill[name];
    if (value === undefined) throw new Error(`${scenario}.xml needs a value for {{${name}}}`);
    return `${value}`;
  });
}

/** To a port of loopback that nobody has, the second datagram already fails. sipp takes an empty line for a keepalive. */
async function udpIsBound(port: number, address: "127.0.0.1" | "::1"): Promise<boolean> {
  const socket = createSocket(address === "::1" ? "udp6" : "udp4").on("error", () => {});
  socket.connect(port, address);
  await once(socket, "connect");
  const send = () => new Promise((resolve) => socket.send("\r\n\r\n", resolve));
  const failed = [await send(), await send()].some((error) => error != null);
  socket.close();
  return !failed;
}

async function tcpIsBound(port: number, address: string): Promise<boolean> {
  const socket = connect(port, address);
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

/** The folder with package.json: where the scenarios are does not depend on the folder of the build. */
function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, "package.json"))) folder = dirname(folder);
  return folder;
}
