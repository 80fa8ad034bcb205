import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { onCore } from "../servers/server.ts";
import type { LoadOptions, LoadResult } from "./work.ts";

/** Runs the load generator in a process of its own. @throws Error when it breaks */
export async function runLoad(options: LoadOptions, core: number | undefined): Promise<LoadResult> {
  const args = [join(import.meta.dirname, "generator.js"), JSON.stringify(options)];
  const child = spawn(...onCore(core, process.execPath, args), { stdio: ["ignore", "pipe", "inherit"] });
  let text = "";
  child.stdout!.on("data", (chunk: Buffer) => (text += chunk.toString()));
  const [status] = await once(child, "close");
  if (status !== 0) throw new Error(`the load generator ended with status ${status}`);
  return JSON.parse(text) as LoadResult;
}
