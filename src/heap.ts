import { setFlagsFromString } from "node:v8";

// Node has no words for these; where V8 knows a flag no more, it does as ever.

/**
 * Keeps V8 from enlarging its young generation while a process starts: loading code and table makes garbage for a second
 * or so, for which V8 would take some 16 MB and keep them as long as the process is idle.
 * @returns lets the heap grow with the work: the young generation as far as calls are served fastest with, and the old one
 * to twice what is in use before it is collected. By itself V8 would do that every few seconds under load, and each
 * time no call moves for 10 to 15 ms.
 */
export function holdHeap(): () => void {
  setFlagsFromString("--semi-space-growth-factor=1");
  return () => {
    setFlagsFromString("--semi-space-growth-factor=2");
    setFlagsFromString("--heap-growing-percent=100");
  };
}

/**
 * Has everything begin in the young generation. V8 marks the places in the code whose objects it sees live on, and makes
 * all later ones in the old generation at once; it hardly ever looks again. One moment in which thousands of calls wait would
 * mark the places where a call begins, and from then on whatever calls leave behind would wait for the slow collection.
 */
export function makeNothingOld(): void {
  setFlagsFromString("--no-allocation-site-pretenuring");
}
