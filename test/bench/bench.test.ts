import t from "tap";
import { parseBenchOptions } from "../../bench/options.ts";
import { ratios, spreadOf, spreadText } from "../../bench/statistics.ts";

t.test("spreadOf gives median, least and most, and refuses an empty list", async (t) => {
  t.same(spreadOf([5, 1, 3]), { median: 3, min: 1, max: 5 });
  t.same(spreadOf([4, 1, 3, 10]), { median: 3.5, min: 1, max: 10 });
  t.throws(() => spreadOf([]), RangeError);
});

t.test("ratios compares round by round, not median by median", async (t) => {
  // The machine was three times as slow in the second round, for both.
  t.same(ratios([10, 30, 12], [20, 60, 20]), { median: 0.5, min: 0.5, max: 0.6 });
  t.equal(spreadText(ratios([10, 30, 12], [20, 60, 20])), "0.50 (0.50 to 0.60)");
});

t.test("parseBenchOptions takes all rows unless told, and says what it does not know", async (t) => {
  const all = parseBenchOptions([]);
  t.equal(all.micro, true);
  t.equal(all.rounds, 5);
  t.ok(all.rows.some(({ id }) => id === "proxy-tls"));
  const some = parseBenchOptions(["--only", "redirect-udp", "--rounds", "2", "--against", "main"]);
  t.same([some.rows.map(({ id }) => id), some.micro, some.rounds, some.against], [["redirect-udp"], false, 2, "main"]);
  t.throws(() => parseBenchOptions(["--only", "redirect-ucp"]), /redirect-ucp/);
  t.throws(() => parseBenchOptions(["--rounds", "0"]), /--rounds 0/);
  t.throws(() => parseBenchOptions(["--agianst", "main"]), /agianst/);
});
