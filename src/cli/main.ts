#!/usr/bin/env node
import * as nodeModule from "node:module";
import { basename } from "node:path";
import { processIo } from "./process-io.ts";

const CMDLET = /^(get-help|[a-z]+-cspersistentchatendpoint)$/i;

/** Leads to the cmdlet, when called by its name or with it as the first word, else to the commands of Waypost. */
async function run(): Promise<number> {
  const io = processIo();
  const words = process.argv.slice(2);
  const calledAs = basename(process.argv[1] ?? "").replace(/\.[cm]?js$/i, "");
  const name = CMDLET.test(calledAs) ? calledAs : words[0] && CMDLET.test(words[0]) ? words.shift() : undefined;
  if (name !== undefined) {
    const { runCmdlet } = await import("./cmdlets/run.ts");
    return runCmdlet(name, words, io, process.env);
  }
  const { runProgram } = await import("./program.ts");
  return runProgram(words, io, process.env);
}

// From Node 22 on, compiled code is kept between calls, so that a command starts sooner.
(nodeModule as { enableCompileCache?: () => void }).enableCompileCache?.();
process.exitCode = await run();
