import { setImmediate as nextTurn } from "node:timers/promises";
import t from "tap";
import { LoadWatch } from "../../src/engine/load-watch.ts";
import type { LoadSample } from "../../src/guard/overload.ts";

t.test("a process that sleeps between its turns is not busy, though its event loop never rests", async (t) => {
  const looks: LoadSample[] = [];
  const bed = new Int32Array(new SharedArrayBuffer(4));
  let slept = 0;
  const watches = [() => slept, () => 0].map(
    (known) => new LoadWatch({ look: (sample) => looks.push(sample) }, () => 0, known),
  );
  t.teardown(() => {
    for (const watch of watches) watch.close();
  });
  while (looks.length < 6) {
    const began = performance.now();
    Atomics.wait(bed, 0, 0, 2);
    slept += performance.now() - began;
    await nextTurn();
  }
  const busy = (of: number): number[] => looks.filter((_, at) => at % 2 === of).map((look) => look.busy);
  t.ok(
    busy(0).every((share) => share < 0.5),
    `where it is known how long it slept: ${busy(0)}`,
  );
  t.ok(
    busy(1).every((share) => share > 0.9),
    `where it is not: ${busy(1)}`,
  );
});
