import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";
import { atomicWriteUnlocked } from "../../src/endpoints/atomic-write.ts";

const WRITER = fileURLToPath(new URL("./unlocked-writer.js", import.meta.url));

/** A process that stops in the middle of writing; `end` lets it live no longer. */
async function halfWritten(t: { teardown(undo: () => unknown): void }, path: string): Promise<() => Promise<void>> {
  const writer = spawn(process.execPath, [WRITER, path], { stdio: ["ignore", "pipe", "inherit"] });
  const gone = once(writer, "exit");
  t.teardown(() => writer.kill("SIGKILL"));
  await once(writer.stdout, "data");
  return async () => {
    writer.kill("SIGKILL");
    await gone;
  };
}

t.test("without a lock, writers do not disturb each other, and what a killed one left is cleared", async (t) => {
  const folder = t.testdir();
  const path = join(folder, "copy");
  const end = await halfWritten(t, path);
  await atomicWriteUnlocked(path, ["one\n"]);
  const others = readdirSync(folder).filter((name) => name !== "copy");
  t.equal(others.length, 1, `the one that is still writing keeps its file: ${others}`);
  await end();
  await atomicWriteUnlocked(path, ["two\n"]);
  t.same(readdirSync(folder), ["copy"], "a dead one's file is gone");
  t.equal(readFileSync(path, "utf8"), "two\n");
});

t.test("calls of one process that overlap leave the whole of one of them", async (t) => {
  const folder = t.testdir();
  const path = join(folder, "copy");
  const texts = Array.from({ length: 20 }, (_, i) => Array.from({ length: 5 }, () => `${i} `.repeat(2000)));
  await Promise.all(texts.map((pieces) => atomicWriteUnlocked(path, pieces)));
  t.ok(texts.map((pieces) => pieces.join("")).includes(readFileSync(path, "utf8")));
  t.same(readdirSync(folder), ["copy"]);
});
