import t from "tap";
import { simulate } from "../support/sim-seeds.ts";

t.test("the rules of the wire hold on networks made by seeds 2500 to 4999", async (t) => {
  await simulate(t, 2500, 5000);
});
