import t from "tap";
import { simulate } from "../support/sim-seeds.ts";

t.test("the rules of the wire hold on networks made by seeds 7500 to 9999", async (t) => {
  await simulate(t, 7500, 10000);
});
