import { AggregatorRegistry, Histogram, Registry } from "prom-client";
import t from "tap";
import { histogram } from "../../src/observe/metrics/histogram.ts";

t.test("our histogram reads as prom-client's does, alone and merged from several processes", async (t) => {
  const head = { name: "waypost_test_seconds", help: "For a test" } as const;
  const buckets = [0.01, 0.1, 1];
  const values = [
    ["proxy", 0.005],
    ["proxy", 0.01],
    ["redirect", 0.5],
    ["proxy", 7],
  ] as const;
  const [ours, theirs] = [new Registry(), new Registry()];
  const observe = histogram(ours, { ...head, label: "decision" }, buckets);
  const model = new Histogram({ ...head, labelNames: ["decision"], buckets, registers: [theirs] });
  for (const [decision, value] of values) {
    observe(decision, value);
    model.labels(decision).observe(value);
  }
  t.equal(await ours.metrics(), await theirs.metrics());
  const merged = async (one: Registry) => {
    const parts = [await one.getMetricsAsJSON(), await one.getMetricsAsJSON()];
    return AggregatorRegistry.aggregate(parts).metrics();
  };
  t.equal(await merged(ours), await merged(theirs));
  t.match(await merged(ours), 'waypost_test_seconds_count{decision="proxy"} 6');
});
