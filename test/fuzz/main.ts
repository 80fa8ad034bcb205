import { parseArgs } from "node:util";
import { Fuzzer } from "./fuzzer.ts";

/** `npm run fuzz -- --messages 1000000 --seed 1`: exit status 1 when something breaks or memory grows. */
const { values } = parseArgs({ options: { messages: { type: "string" }, seed: { type: "string" } } });
const messages = Number(values.messages ?? 1_000_000);
const seed = Number(values.seed ?? Date.now() % 1_000_000);
const CHUNK = 50_000;
/** Growth between the first chunk and the last that counts as a leak, in MiB. */
const ALLOWED_GROWTH = 8;

let unhandled = 0;
process.on("unhandledRejection", () => unhandled++);
const fuzzer = new Fuzzer(seed);
const heap: number[] = [];
const startedAt = performance.now();
process.stdout.write(`seed ${seed}\n`);
for (let done = 0; done < messages; ) {
  const count = Math.min(CHUNK, messages - done);
  fuzzer.run(count);
  done += count;
  fuzzer.settle();
  globalThis.gc?.();
  heap.push(process.memoryUsage().heapUsed / 1024 / 1024);
  process.stdout.write(
    `${done} messages, ${fuzzer.result.findings.length} findings, heap ${heap.at(-1)!.toFixed(1)} MiB\n`,
  );
  await new Promise((resolve) => setImmediate(resolve));
}
const { findings, sent, forwarded, decided } = fuzzer.result;
for (const { message, what } of findings)
  process.stdout.write(`${what}\n${JSON.stringify(message.slice(0, 3000))}\n\n`);
const left = fuzzer.settle();
const growth = heap.at(-1)! - heap[0]!;
const seconds = (performance.now() - startedAt) / 1000;
process.stdout.write(
  `${messages} messages in ${seconds.toFixed(1)} s, ${sent} sent, ${forwarded} of them forwarded, ${decided} decided; ` +
    `${findings.length} findings, ${unhandled} unhandled rejections, heap grew by ${growth.toFixed(1)} MiB, left ${JSON.stringify(left)}\n`,
);
const isClean = Object.values(left).every((count) => count === 0);
process.exitCode = findings.length > 0 || unhandled > 0 || !isClean || growth > ALLOWED_GROWTH ? 1 : 0;
