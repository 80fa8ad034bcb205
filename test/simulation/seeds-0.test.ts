import t from "tap";
import { simulate } from "../support/sim-seeds.ts";

t.test("the rules of the wire hold on networks made by seeds 0 to 2499", async (t) => {
  await simulate(t, 0, 2500);
});
