import type { Histogram, Registry } from "prom-client";

/** What is known of one value of the label. */
interface Series {
  /** How many fell into each bucket, and in the end how many were above all of them. */
  readonly counts: number[];
  sum: number;
}

/**
 * A histogram with one label. prom-client's own makes a text of its labels and several objects for each value, which
 * is too much for what happens at every request; here a value costs a look-up and an addition, and the rest is done
 * when somebody reads it.
 * @param buckets upper ends, rising
 * @returns takes a value
 */
export function histogram(
  registry: Registry,
  head: { readonly name: `waypost_${string}`; readonly help: string; readonly label: string },
  buckets: readonly number[],
): (label: string, value: number) => void {
  const { name, help, label } = head;
  const all = new Map<string, Series>();
  const valuesOf = ([own, { counts, sum }]: [string, Series]): object[] => {
    let count = 0;
    const upTo = [...buckets, "+Inf"].map((le, i) => {
      count += counts[i]!;
      return { metricName: `${name}_bucket`, labels: { le, [label]: own }, value: count };
    });
    const whole = (part: string, value: number): object => {
      return { metricName: `${name}_${part}`, labels: { [label]: own }, value };
    };
    return [...upTo, whole("sum", sum), whole("count", count)];
  };
  const get = async (): Promise<object> => {
    return { name, help, type: "histogram", aggregator: "sum", values: [...all].flatMap(valuesOf) };
  };
  // The registry asks for no more than this of a metric.
  registry.registerMetric({ name, help, get } as unknown as Histogram);
  return (own, value) => {
    let series = all.get(own);
    if (series === undefined) all.set(own, (series = { counts: [...buckets.map(() => 0), 0], sum: 0 }));
    let at = 0;
    while (at < buckets.length && value > buckets[at]!) at++;
    series.counts[at]!++;
    series.sum += value;
  };
}
