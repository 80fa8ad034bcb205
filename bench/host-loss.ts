import { loseHost } from "../test/live/host-loss.ts";

/** Two gateways, one of them killed under RATE (300) calls per second; see loseHost. Ends with 1 when a request failed. */
const undo: (() => unknown)[] = [];
try {
  const rate = Number(process.env["RATE"] ?? 300);
  const result = await loseHost({ teardown: (work) => void undo.unshift(work) }, rate, 8, 2000);
  const { orphans, resent, faults, calls, longestMs, callsPerSecond } = result;
  console.log(
    `${calls} calls, ${callsPerSecond.toFixed(0)} per second; ${orphans} dialogs lost their gateway and went on`,
  );
  console.log(`${resent} requests were sent again; longest wait for an answer ${longestMs.toFixed(0)} ms`);
  console.log(
    faults.length === 0
      ? "every request was answered 200"
      : `${faults.length} FAILED: ${[...new Set(faults)].join("; ")}`,
  );
  process.exitCode = faults.length === 0 ? 0 : 1;
} finally {
  for (const work of undo) await work();
}
