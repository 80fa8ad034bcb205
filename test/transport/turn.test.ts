import { setImmediate as nextTurn } from "node:timers/promises";
import t from "tap";
import type { Moderation } from "../../src/transport/moderation.ts";
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
      return 1;
    },
    looksItself: false,
    flush: () => seen.push(`${name} writes`),
  });
  turn.start();
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

t.test("the next turn is put off, if at all, when all is written, and by how much has come", async (t) => {
  const seen: (string | number)[] = [];
  const moderation = { turnEnded: (pieces: number) => seen.push(pieces) === 0 } as unknown as Moderation;
  const turn = new Turn({ received() {}, closed() {} }, () => seen.push("datagrams leave"), moderation);
  const from = (pieces: number) => ({
    takeArrived: () => pieces,
    flush: () => seen.push("written"),
    looksItself: false,
  });
  turn.arrived(from(5));
  turn.arrived(from(1));
  turn.holding(from(0));
  await nextTurn();
  t.same(seen, ["datagrams leave", "written", 6]);

  seen.length = 0;
  turn.holding(from(0));
  await nextTurn();
  t.same(seen, ["written"], "where nothing came, nothing is put off");
});

t.test("before the start nobody is told of bursts", async (t) => {
  const bursts: boolean[] = [];
  const turn = new Turn({ received() {}, closed() {}, burst: (begins) => bursts.push(begins) }, () => {});
  turn.arrived({ takeArrived: () => 1, flush() {}, looksItself: false });
  await nextTurn();
  t.same(bursts, []);
});

t.test("where only sockets of datagrams brought something, a turn that was put off looks at them again", async (t) => {
  const seen: string[] = [];
  const moderation = { turnEnded: () => true } as unknown as Moderation;
  const turn = new Turn({ received() {}, closed() {} }, () => {}, moderation);
  const from = (looksItself: boolean, pieces: number[]) => ({
    takeArrived: () => {
      seen.push(looksItself ? "socket" : "connection");
      return pieces.shift() ?? 0;
    },
    flush: () => seen.push("written"),
    looksItself,
  });
  turn.arrived(from(true, [2, 1]));
  await nextTurn();
  t.same(seen, ["socket", "socket", "socket"], "until nothing has come");

  seen.length = 0;
  turn.arrived(from(true, new Array(100).fill(1)));
  await nextTurn();
  t.same(seen.length, 4, "a few times, since all else has to wait");

  seen.length = 0;
  turn.arrived(from(true, [1, 1]));
  turn.arrived(from(false, [1]));
  await nextTurn();
  t.same(seen, ["socket", "connection"], "connections are told of by the event loop alone");
});

t.test("what is held back while others write goes out with the next turn", async (t) => {
  const seen: string[] = [];
  const turn = new Turn({ received() {}, closed() {} }, () => {});
  const late = { takeArrived: () => 0, flush: () => seen.push("late one writes"), looksItself: false };
  const first = { ...late, flush: () => turn.holding(late) };
  turn.holding(first);
  await nextTurn();
  await nextTurn();
  t.same(seen, ["late one writes"]);
});
