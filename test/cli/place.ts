import { spawn } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { CMDLETS } from "../../src/cli/cmdlets/declarations.ts";
import { runCmdlet } from "../../src/cli/cmdlets/run.ts";
import type { Io } from "../../src/cli/io.ts";
import { runProgram } from "../../src/cli/program.ts";

const MAIN = fileURLToPath(new URL("../../src/cli/main.js", import.meta.url));

const CONFIG = `listen:
  - { transport: udp, host: 127.0.0.1, port: 5060, advertise: gw.contoso.com }
store: { kind: file, path: endpoints.json }
edit: { probePool: false }
resolve:
  hosts:
    pcpool.contoso.com: ["tcp:127.0.0.1:5090"]
`;

/** What a finished command left behind. */
export interface Outcome {
  readonly out: string;
  readonly err: string;
  readonly status: number | null;
}

/** What stands around a command that runs inside the test. */
export interface Surroundings {
  /** What is piped in; without it, standard input is no pipe. */
  readonly piped?: string | Uint8Array;
  readonly terminal?: boolean;
  /** What the person types when asked; without it, there is nobody to ask. */
  readonly answers?: string[];
}

/** A directory with a configuration and an endpoint table, and the commands in it. */
export class Place {
  readonly directory: string;
  readonly env: NodeJS.ProcessEnv;

  constructor(directory: string) {
    this.directory = directory;
    this.env = {
      PATH: `${join(directory, "bin")}:${process.env["PATH"]}`,
      HOME: directory,
      USER: "alice",
      WAYPOST_CONFIG: join(directory, "waypost.yaml"),
    };
  }

  /** @param t removes the directory after the test */
  static async make(t: { teardown(undo: () => Promise<void>): void }, config = CONFIG): Promise<Place> {
    const directory = await mkdtemp(join(tmpdir(), "waypost-cli-"));
    t.teardown(() => rm(directory, { recursive: true, force: true }));
    await writeFile(join(directory, "waypost.yaml"), config);
    return new Place(directory);
  }

  /** Puts the commands into the PATH of the place, as an installation does. */
  async install(): Promise<void> {
    const bin = join(this.directory, "bin");
    await mkdir(join(this.directory, "lib"));
    await mkdir(bin);
    for (const name of ["waypost", ...CMDLETS.map((cmdlet) => cmdlet.name)]) {
      const link = join(this.directory, "lib", name);
      await symlink(MAIN, link);
      await writeFile(join(bin, name), `#!/bin/sh\nexec "${process.execPath}" "${link}" "$@"\n`, { mode: 0o755 });
    }
  }

  /** Runs a line in a real shell, with standard input that nobody ever closes unless the line says otherwise. */
  async shell(line: string): Promise<Outcome> {
    const child = spawn("/bin/sh", ["-c", line], { env: this.env, cwd: this.directory, stdio: "pipe" });
    const status = new Promise<number | null>((resolve, reject) => {
      child.on("error", reject);
      child.on("close", resolve);
    });
    const [out, err] = await Promise.all([textOf(child.stdout), textOf(child.stderr)]);
    return { out, err, status: await status };
  }

  /** Runs a cmdlet inside the test. */
  async cmdlet(name: string, words: readonly string[], around: Surroundings = {}): Promise<Outcome> {
    const { io, outcome } = captured(around);
    return outcome(await runCmdlet(name, words, io, this.env));
  }

  /** Runs `waypost …` inside the test. */
  async waypost(words: readonly string[], around: Surroundings = {}): Promise<Outcome> {
    const { io, outcome } = captured(around);
    return outcome(await runProgram(words, io, this.env));
  }

  async table(): Promise<string> {
    return readFile(join(this.directory, "endpoints.json"), "utf8");
  }

  async write(name: string, text: string): Promise<void> {
    await writeFile(join(this.directory, name), text);
  }
}

function captured(around: Surroundings): { io: Io; outcome(status: number): Outcome } {
  let out = "";
  let err = "";
  const answers = [...(around.answers ?? [])];
  const io: Io = {
    out: (text) => void (out += text),
    err: (text) => void (err += text),
    outIsTerminal: around.terminal === true,
    piped: () => (around.piped === undefined ? undefined : Promise.resolve(Buffer.from(around.piped))),
    ask: async (question) => {
      if (around.answers === undefined) return undefined;
      err += question;
      return answers.shift() ?? "l";
    },
  };
  return { io, outcome: (status) => ({ out, err, status }) };
}

async function textOf(stream: NodeJS.ReadableStream): Promise<string> {
  let text = "";
  for await (const part of stream.setEncoding("utf8")) text += part;
  return text;
}
