import { type ChildProcess, spawn } from "node:child_process";
import { EventEmitter, once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { descendants, signalIfThere } from "./process-tree.ts";
import { udpEnvironment } from "./udp-form.ts";

/** The built command, which lies at the same place beside this file in every build. */
const WAYPOST = fileURLToPath(new URL("../../src/cli/main.js", import.meta.url));

/** How long a line of the log may take to come on a busy machine. */
const PATIENCE_MS = 120_000;

/** What is known about a test: enough to clean up after it. */
export interface Closing {
  teardown(undo: () => unknown): void;
}

export interface ListenSetting {
  readonly transport: "udp" | "tcp";
  readonly host?: string;
  /** 0, the default, is any free port. */
  readonly port?: number;
  readonly advertise?: string;
}

/** The configuration and the table of a gateway under test; what is left out has the product's own default. */
export interface GatewaySetup {
  /** Absent = UDP and TCP on 127.0.0.1. */
  readonly listen?: readonly ListenSetting[];
  /** `resolve.hosts`. */
  readonly hosts?: Readonly<Record<string, readonly string[]>>;
  readonly endpoints?: readonly Row[];
  readonly defaultRoute?: "reject" | { readonly proxy: string };
  readonly timers?: Readonly<Record<string, number>>;
  readonly logLevel?: string;
  /** Further groups of the configuration, and such as stand in the place of the above. */
  readonly settings?: Readonly<Record<string, unknown>>;
}

/** A row as a person would write it into the file. */
export type Row = Readonly<Record<string, unknown>> & { readonly sipAddress: string; readonly poolFqdn: string };

export interface LogLine {
  readonly level: number;
  readonly msg: string;
  readonly [field: string]: unknown;
}

/** For `logged`: the line begins with this. */
export function said(text: string): (line: LogLine) => boolean {
  return ({ msg }) => msg.startsWith(text);
}

/** What a finished command left behind. */
export interface Outcome {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly err: string;
}

/** Where a listener of the gateway is bound. */
export interface Bound {
  readonly transport: "udp" | "tcp";
  readonly address: string;
  readonly port: number;
}

/** `waypost serve` as a process of its own, with a temporary configuration and endpoint table. */
export class GatewayProcess {
  readonly directory: string;
  readonly configFile: string;
  readonly tableFile: string;
  /** In the order of the configuration. */
  readonly listeners: readonly Bound[];
  /** The lines of the log so far. */
  readonly log: LogLine[] = [];
  readonly pid: number;
  readonly #child: ChildProcess;
  readonly #output: Output;
  #isKilled = false;
  readonly #lines = new EventEmitter().setMaxListeners(0);
  readonly #ended: Promise<Outcome>;

  private constructor(place: GatewayPlace, child: ChildProcess, output: Output, ended: Promise<Outcome>) {
    this.directory = place.directory;
    this.configFile = place.configFile;
    this.tableFile = place.tableFile;
    this.pid = child.pid!;
    this.#child = child;
    this.#output = output;
    this.#ended = ended;
    this.listeners = boundIn(output.out);
    eachLine(child.stderr!, output.err, (line) => {
      if (!line.startsWith("{")) return;
      this.log.push(JSON.parse(line) as LogLine);
      this.#lines.emit("line");
    });
  }

  /** Starts one and waits until it takes calls. It is stopped after the test, and has to end with status 0 then. */
  static async start(t: Closing, setup: GatewaySetup = {}): Promise<GatewayProcess> {
    const gateway = await GatewayProcess.startIn(await GatewayPlace.make(t, setup));
    t.teardown(() => gateway.stop());
    return gateway;
  }

  /** The same in a folder that is there already. How and when it ends is the test's affair. */
  static async startIn(place: GatewayPlace): Promise<GatewayProcess> {
    const child = spawn(process.execPath, [WAYPOST, "serve", "--config", place.configFile], {
      env: plainEnvironment(),
      stdio: ["ignore", "pipe", "pipe"],
    });
    const output: Output = { out: "", err: "" };
    const ended = outcomeOf(child, output);
    while (!/^waypost ready .*\n/m.test(output.out)) {
      const early = await Promise.race([once(child.stdout!, "data"), ended]);
      if ("status" in early) throw new Error(`waypost serve ended with ${early.status}:\n${early.err}`);
    }
    return new GatewayProcess(place, child, output, ended);
  }

  /** The listener with this transport; of several, the one of this family. */
  listener(transport: "udp" | "tcp", family: 4 | 6 = 4): Bound {
    const found = this.listeners.find(
      (listener) => listener.transport === transport && listener.address.includes(":") === (family === 6),
    );
    if (found === undefined) throw new Error(`the gateway has no ${transport} listener over IPv${family}`);
    return found;
  }

  /** Everything on standard output and standard error so far. */
  get output(): Readonly<Output> {
    return this.#output;
  }

  /**
   * Resolves with the first line of the log, past or to come, for which this holds.
   * @throws Error when the gateway ends first, or when it does not come in a long while
   */
  async logged(fits: (line: LogLine) => boolean): Promise<LogLine> {
    let looked = 0;
    const patience = AbortSignal.timeout(PATIENCE_MS);
    for (;;) {
      for (; looked < this.log.length; looked++) if (fits(this.log[looked]!)) return this.log[looked]!;
      if (patience.aborted) throw new Error(`that line did not come:\n${this.#told()}`);
      await Promise.race([once(this.#lines, "line", { signal: patience }).catch(() => {}), this.#failedEnd()]);
    }
  }

  /** Runs another command with the same configuration: `waypost(["endpoint", "list"])`. */
  waypost(words: readonly string[]): Promise<Outcome> {
    return runWaypost([...words], { WAYPOST_CONFIG: this.configFile });
  }

  /** Sends a signal without waiting for what it does. */
  kill(signal: NodeJS.Signals): void {
    this.#isKilled ||= signal === "SIGKILL";
    this.#child.kill(signal);
  }

  /** Sends a signal to it and to every process that it has started, as when its whole machine stops or goes. */
  killAll(signal: NodeJS.Signals): void {
    const pids = descendants(this.pid);
    this.kill(signal);
    for (const pid of pids) signalIfThere(pid, signal);
  }

  /** Resolves when the process has ended. */
  ended(): Promise<Outcome> {
    return this.#ended;
  }

  /** Stops it, if it still runs. @throws Error unless it ends, or has ended, with status 0 or by the test's SIGKILL */
  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<Outcome> {
    this.#child.kill(signal);
    const outcome = await this.#ended;
    if (outcome.status !== 0 && !this.#isKilled) {
      throw new Error(`waypost serve ended with ${outcome.status ?? outcome.signal}:\n${outcome.err.slice(-4000)}`);
    }
    return outcome;
  }

  /** What the log says beside the calls. */
  #told(): string {
    const lines = this.#output.err.split("\n").filter((line) => !line.includes("a request was answered"));
    return lines.slice(-40).join("\n");
  }

  async #failedEnd(): Promise<never> {
    const { status, err } = await this.#ended;
    throw new Error(`waypost serve ended with ${status} before that line came:\n${err.slice(-4000)}`);
  }
}

/** A temporary folder with a configuration and an endpoint table. */
export class GatewayPlace {
  readonly directory: string;

  private constructor(directory: string) {
    this.directory = directory;
  }

  static async make(t: Closing, setup: GatewaySetup): Promise<GatewayPlace> {
    const place = new GatewayPlace(await mkdtemp(join(tmpdir(), "waypost-gateway-")));
    t.teardown(() => rm(place.directory, { recursive: true, force: true }));
    const { listen = [{ transport: "udp" }, { transport: "tcp" }], defaultRoute, timers, logLevel = "info" } = setup;
    // JSON is YAML too.
    const config = {
      listen: listen.map((listener) => ({ host: "127.0.0.1", port: 0, ...listener })),
      store: { kind: "file", path: "endpoints.json" },
      resolve: { hosts: setup.hosts ?? {} },
      log: { level: logLevel },
      // The actors of the tests say nothing that a test does not tell them to say.
      edit: { probePool: false },
      ...(defaultRoute === undefined ? {} : { defaultRoute }),
      ...(timers === undefined ? {} : { timers }),
      ...setup.settings,
    };
    await writeFile(place.configFile, JSON.stringify(config, undefined, 2));
    await writeFile(place.tableFile, tableText(setup.endpoints ?? []));
    return place;
  }

  get configFile(): string {
    return join(this.directory, "waypost.yaml");
  }

  get tableFile(): string {
    return join(this.directory, "endpoints.json");
  }
}

/** The text of an endpoint file. */
export function tableText(rows: readonly Row[]): string {
  return `${JSON.stringify({ endpoints: rows }, undefined, 2)}\n`;
}

/** Runs a command of Waypost to its end. */
export function runWaypost(words: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Outcome> {
  const child = spawn(process.execPath, [WAYPOST, ...words], {
    env: { ...plainEnvironment(), ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  return outcomeOf(child, { out: "", err: "" });
}

interface Output {
  out: string;
  err: string;
}

/** Settings of whoever runs the tests stay out of them, and a bundle of certificates that each process would read. */
function plainEnvironment(): NodeJS.ProcessEnv {
  const isOurs = ([name]: [string, unknown]): boolean => !/^(WAYPOST_|NODE_EXTRA_CA_CERTS$)/.test(name);
  return { ...Object.fromEntries(Object.entries(process.env).filter(isOurs)), ...udpEnvironment };
}

function outcomeOf(child: ChildProcess, output: Output): Promise<Outcome> {
  child.stdout!.setEncoding("utf8").on("data", (text: string) => void (output.out += text));
  child.stderr!.setEncoding("utf8").on("data", (text: string) => void (output.err += text));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (status, signal) => resolve({ status, signal, ...output }));
  });
}

/** @param before what has come already */
function eachLine(stream: NodeJS.ReadableStream, before: string, line: (text: string) => void): void {
  let pending = "";
  const take = (text: string): void => {
    const lines = (pending + text).split("\n");
    pending = lines.pop()!;
    for (const one of lines) line(one);
  };
  take(before);
  stream.on("data", take);
}

/** The listeners that the ready line names: `waypost ready on udp:127.0.0.1:5060 tcp:[::1]:5060, 2 endpoints`. */
function boundIn(out: string): Bound[] {
  const ready = /^waypost ready on (.*)$/m.exec(out)?.[1] ?? "";
  return [...ready.matchAll(/\b(udp|tcp):(?:\[([^\]]+)\]|([\d.]+)):(\d+)/g)].map(([, transport, v6, v4, port]) => ({
    transport: transport as Bound["transport"],
    address: v6 ?? v4!,
    port: Number(port),
  }));
}
