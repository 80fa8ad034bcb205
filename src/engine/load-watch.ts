import { type EventLoopUtilization, performance } from "node:perf_hooks";
import type { Guard } from "../guard/admission.ts";
import { SAMPLE_MS } from "../guard/overload.ts";

/** Looks at the load of this process again and again, and tells the guard. */
export class LoadWatch {
  readonly #timer: NodeJS.Timeout;
  #dueAt = performance.now() + SAMPLE_MS;
  #utilization: EventLoopUtilization = performance.eventLoopUtilization();

  /** @param fill how full the fullest table is, 0 to 1 */
  constructor(guard: Guard, fill: () => number) {
    this.#timer = setInterval(() => {
      const now = performance.now();
      const utilization = performance.eventLoopUtilization();
      const busy = performance.eventLoopUtilization(utilization, this.#utilization).utilization;
      guard.look({ delayMs: Math.max(0, now - this.#dueAt), busy, fill: fill() });
      this.#dueAt = now + SAMPLE_MS;
      this.#utilization = utilization;
    }, SAMPLE_MS).unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }
}
