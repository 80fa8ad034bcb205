import t from "tap";
import { simulate } from "../support/sim-seeds.ts";

t.test("the rules of the wire hold on networks made by seeds 5000 to 7499", async (t) => {
  await simulate(t, 5000, 7500);
});
