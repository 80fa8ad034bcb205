import t from "tap";
import { Fuzzer } from "./fuzzer.ts";

// `SEED=7 npx tap dist/test/fuzz/fuzz.test.js` is one seed; `npm run fuzz -- --messages 1000000` is the long run.
const SEEDS = process.env["SEED"] === undefined ? [1, 2, 3, 4] : [Number(process.env["SEED"])];

for (const seed of SEEDS) {
  t.test(`5,000 fuzzed messages of seed ${seed} break nothing, and nothing of them is left`, async (t) => {
    const fuzzer = new Fuzzer(seed);
    const { findings, forwarded, decided } = fuzzer.run(5000);
    t.same(findings, []);
    t.ok(forwarded > 500 && decided > 500, `${forwarded} forwarded, ${decided} decided`);
    t.same(fuzzer.settle(), { serverTransactions: 0, clientTransactions: 0, timers: 0, queries: 0 });
  });
}
