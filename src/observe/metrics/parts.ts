import { Counter, Gauge, type Registry } from "prom-client";

/** How the values of several processes of one gateway make one. */
type Aggregator = "sum" | "first" | "min" | "max";

export interface MetricHead {
  readonly name: `waypost_${string}`;
  readonly help: string;
  readonly labels?: readonly string[];
  /** Default: their sum. */
  readonly aggregator?: Aggregator;
}

/** Sets one value, with its labels in the order of the head's. */
export type Put = (value: number, ...labels: string[]) => void;

/** A metric whose values are asked for when somebody reads them. Series that `collect` does not put are gone. */
export function gauge(registry: Registry, head: MetricHead, collect: (put: Put) => void): void {
  new Gauge({
    ...settings(registry, head),
    collect() {
      this.reset();
      collect((value, ...labels) => this.labels(...labels).set(value));
    },
  });
}

/** The same for what only grows while the process lives. */
export function counter(registry: Registry, head: MetricHead, collect: (put: Put) => void): void {
  new Counter({
    ...settings(registry, head),
    collect() {
      this.reset();
      collect((value, ...labels) => this.labels(...labels).inc(value));
    },
  });
}

function settings(registry: Registry, { name, help, labels = [], aggregator = "sum" }: MetricHead) {
  return { name, help, labelNames: [...labels], aggregator, registers: [registry] };
}
