import { writeSync } from "node:fs";
import { atomicWriteUnlocked } from "../../src/endpoints/atomic-write.ts";

/** Begins to write the file at `path` and stands still in the middle of it: a process of its own, to be killed. */
function* pieces(): Generator<string> {
  yield "half\n";
  writeSync(1, "half of it is written\n");
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60_000);
}

await atomicWriteUnlocked(process.argv[2] ?? "", pieces());
