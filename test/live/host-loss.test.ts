import t from "tap";
import { loseHost } from "./host-loss.ts";

t.test("one of two gateways is killed: its dialogs go on through the other, by SRV and the shared key", async (t) => {
  const { orphans, faults, calls } = await loseHost(t, 30, 2, 700);
  t.same(faults, [], `${calls} calls`);
  t.ok(orphans >= 3, `${orphans} dialogs had lost their gateway`);
});
