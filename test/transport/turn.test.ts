import { setImmediate as nextTurn } from "node:timers/promises";
import t from "tap";
import { Turn } from "../../src/transport/turn.ts";

t.test("in one turn all is taken in as a burst, then datagrams leave, then what connections held back", async (t) => {
  const seen: string[] = [];
  const handler = {
    received() {},
    closed() {},
    burst: (begins: boolean) => seen.push(begins ? "burst begins" : "burst ends"),
  };
  const turn = new Turn(handler, () => seen.push("datagrams leave"));
  const connection = (name: string) => ({
    takeArrived() {
      seen.push(`${name} takes in`);
      turn.holding(this);
    },
    flush: () => seen.push(`${name} writes`),
  });
  turn.arrived(connection("one"));
  turn.arrived(connection("other"));
  t.same(seen, [], "nothing before the turn ends");
  await nextTurn();
  const first = ["burst begins", "one takes in", "other takes in", "burst ends", "datagrams leave"];
  t.same(seen, [...first, "one writes", "other writes"]);

  seen.length = 0;
  turn.holding(connection("one"));
  await nextTurn();
  t.same(seen, ["one writes"], "and the next turn is one of its own");
});
