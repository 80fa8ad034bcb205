import { type ChildProcess, spawn } from "node:child_process";
import { EventEmitter, once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import type { Test } from "tap";

/** Far more than a slow machine needs. */
const PATIENCE_MS = 30_000;

/** A program of another project in a folder of its own; it is killed with the test. */
export class Program {
  /** What it printed so far, both streams together. */
  output = "";
  readonly name: string;
  /** Exit status; null when a signal ended it. */
  readonly ended: Promise<number | null>;
  readonly #child: ChildProcess;
  readonly #events = new EventEmitter().setMaxListeners(0);

  private constructor(name: string, child: ChildProcess) {
    this.name = name;
    this.#child = child;
    for (const stream of [child.stdout!, child.stderr!]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        this.output += text;
        this.#events.emit("output");
      });
    }
    this.ended = new Promise((resolve, reject) => {
      child.on("error", reject);
      child.on("close", (status) => {
        resolve(status);
        this.#events.emit("output");
      });
    });
  }

  /**
   * Starts it. @param files put into its folder first, by name
   * @param words its arguments, made from the path of the folder
   */
  static async start(
    t: Test,
    command: string,
    files: Readonly<Record<string, string>>,
    words: (folder: string) => readonly string[],
  ): Promise<Program> {
    const folder = await mkdtemp(join(tmpdir(), `waypost-${command}-`));
    for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
    const env = { ...process.env, HOME: folder, PATH: `${process.env["PATH"]}:/usr/sbin` };
    const child = spawn(command, words(folder), { cwd: folder, env, stdio: ["pipe", "pipe", "pipe"] });
    child.stdin!.on("error", () => undefined);
    const program = new Program(command, child);
    t.teardown(async () => {
      child.kill("SIGTERM");
      const timer = globalThis.setTimeout(() => child.kill("SIGKILL"), 3000);
      await program.ended;
      clearTimeout(timer);
      await rm(folder, { recursive: true, force: true });
    });
    return program;
  }

  /** Types a line. */
  says(line: string): void {
    this.#child.stdin!.write(`${line}\n`);
  }

  /** Resolves when it has printed something that fits, from a place in its output on. @throws Error with all it printed */
  async printed(wanted: RegExp, from = 0): Promise<void> {
    const deadline = AbortSignal.timeout(PATIENCE_MS);
    while (!wanted.test(this.output.slice(from))) {
      if (deadline.aborted || this.#child.exitCode !== null) {
        throw new Error(`${this.name} did not print ${wanted}, but:\n${this.output.slice(-4000)}`);
      }
      await once(this.#events, "output", { signal: deadline }).catch(() => undefined);
    }
  }

  /** Resolves when somebody takes connections there. @throws Error with all it printed when it ends before */
  async listens(host: string, port: number): Promise<void> {
    const deadline = AbortSignal.timeout(PATIENCE_MS);
    for (;;) {
      const socket = connect(port, host);
      const taken = await once(socket, "connect").then(
        () => true,
        () => false,
      );
      socket.destroy();
      if (taken) return;
      if (deadline.aborted || this.#child.exitCode !== null) {
        throw new Error(`${this.name} does not listen on ${host}, port ${port}:\n${this.output.slice(-4000)}`);
      }
      await setTimeout(50);
    }
  }

  kill(signal: NodeJS.Signals = "SIGTERM"): void {
    this.#child.kill(signal);
  }
}
