import { fstatSync, openSync } from "node:fs";
import type { Io } from "./io.ts";

const PATIENCE_MS = 3000;

/** Standard input, output and error of this process. */
export function processIo(): Io {
  // A reader such as `head` that has seen enough is no error of ours.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
  });
  return {
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    outIsTerminal: process.stdout.isTTY === true,
    piped: () => (hasPipedInput() ? readAll() : undefined),
    ask,
  };
}

function hasPipedInput(): boolean {
  try {
    const stat = fstatSync(0);
    return stat.isFIFO() || stat.isFile() || stat.isSocket();
  } catch {
    return false;
  }
}

async function readAll(): Promise<Uint8Array> {
  const note = setTimeout(() => process.stderr.write("Waiting for endpoints on standard input.\n"), PATIENCE_MS);
  const parts: Buffer[] = [];
  try {
    for await (const part of process.stdin) parts.push(part as Buffer);
  } finally {
    clearTimeout(note);
  }
  return Buffer.concat(parts);
}

async function ask(question: string): Promise<string | undefined> {
  if (process.stdin.isTTY) return readLine(process.stdin, question);
  // Objects come in by the pipe, so the person has to be asked on the terminal itself.
  if (!process.stderr.isTTY) return undefined;
  const { ReadStream } = await import("node:tty");
  let terminal: InstanceType<typeof ReadStream>;
  try {
    terminal = new ReadStream(openSync("/dev/tty", "r"));
  } catch {
    return undefined;
  }
  try {
    return await readLine(terminal, question);
  } finally {
    terminal.destroy();
  }
}

async function readLine(input: NodeJS.ReadableStream, question: string): Promise<string> {
  const { createInterface } = await import("node:readline/promises");
  // The terminal's own line editing does, and with it Ctrl-C ends the command as everywhere.
  const lines = createInterface({ input, output: process.stderr, terminal: false });
  try {
    // End of input (Ctrl-D) is no consent.
    const ended = new Promise<string>((resolve) => lines.once("close", () => resolve("l")));
    return await Promise.race([lines.question(question), ended]);
  } finally {
    lines.close();
  }
}
