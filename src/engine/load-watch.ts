import { type EventLoopUtilization, performance } from "node:perf_hooks";
import type { Guard } from "../guard/admission.ts";
import { SAMPLE_MS } from "../guard/overload.ts";

/** Looks at the load of this process again and again, and tells the guard. */
export class LoadWatch {
  readonly #timer: NodeJS.Timeout;
  #dueAt = performance.now() + SAMPLE_MS;
  #lookedAt = performance.now();
  #utilization: EventLoopUtilization = performance.eventLoopUtilization();
  #slept = 0;

  /**
   * @param fill how full the fullest table is, 0 to 1
   * @param slept for how many ms in all the process has slept in what the event loop takes for work
   */
  constructor(guard: Pick<Guard, "look">, fill: () => number, slept: () => number) {
    this.#timer = setInterval(() => {
      const now = performance.now();
      const utilization = performance.eventLoopUtilization();
      const active = performance.eventLoopUtilization(utilization, this.#utilization).utilization;
      const asleep = (slept() - this.#slept) / (now - this.#lookedAt);
      const busy = Math.max(0, active - asleep);
      guard.look({ delayMs: Math.max(0, now - this.#dueAt), busy, fill: fill() });
      this.#dueAt = now + SAMPLE_MS;
      this.#lookedAt = now;
      this.#utilization = utilization;
      this.#slept = slept();
    }, SAMPLE_MS).unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }
}
