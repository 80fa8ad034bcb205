import { mock } from "node:test";
import t from "tap";
import { hashOf } from "../../src/engine/neighbours/addressee.ts";
import { ReadingTurn } from "../../src/engine/neighbours/reading-turn.ts";
import { chainOf, responseVia, type View } from "../../src/engine/neighbours/view.ts";

let version = 0;

/** @param living by default all of the epochs */
function view(epochs: number[][], living = epochs.flat()): View {
  return { version: ++version, epochs, links: Object.fromEntries(living.map((id) => [id, `${id}.sock`])) };
}

/** The turns of some processes, and which of them read. What one gives, another one gets when the test says so. */
function processes(...ids: number[]) {
  const reading = new Set<number>();
  const given: [from: number, to: number][] = [];
  const make = (id: number): ReadingTurn =>
    new ReadingTurn(id, {
      read: (on) => (on ? reading.add(id) : reading.delete(id)),
      give: (to) => given.push([id, to]),
    });
  const turns = new Map(ids.map((id) => [id, make(id)]));
  const tell = (what: View, ...to: number[]): void => {
    for (const id of to) turns.get(id)!.follow(what);
  };
  const deliver = (): void => {
    for (const [, to] of given.splice(0)) turns.get(to)!.given();
  };
  return { tell, deliver, reading: () => [...reading] };
}

t.beforeEach(() => mock.timers.enable({ apis: ["setTimeout"] }));
t.afterEach(() => mock.timers.reset());

t.test("the first process of a gateway reads at once, and it alone", async (t) => {
  const { tell, reading } = processes(1, 2);
  tell(view([[1, 2]]), 2, 1);
  t.same(reading(), [1]);
});

t.test("at an upgrade the new one reads when the old one has stopped, in whatever order they are told", async (t) => {
  for (const order of [
    [1, 2],
    [2, 1],
  ]) {
    const { tell, deliver, reading } = processes(1, 2);
    tell(view([[1]]), 1);
    const both = view([[1], [2]]);
    tell(both, order[0]!);
    t.same(reading(), order[0] === 1 ? [] : [1]);
    tell(both, order[1]!);
    deliver();
    t.same(reading(), [], "what was passed on is to arrive first");
    mock.timers.tick(20);
    t.same(reading(), [2]);
  }
});

t.test("when the one that reads has died, its neighbour reads at once", async (t) => {
  const { tell, reading } = processes(2, 3);
  tell(view([[1, 2, 3]]), 2, 3);
  t.same(reading(), []);
  tell(
    view(
      [
        [1, 2, 3],
        [3, 2, 3],
      ],
      [2, 3],
    ),
    2,
    3,
  );
  t.same(reading(), [3]);
});

t.test("one that hangs is waited for a second", async (t) => {
  const { tell, reading } = processes(2);
  tell(view([[1], [2]]), 2);
  mock.timers.tick(999);
  t.same(reading(), []);
  mock.timers.tick(1);
  t.same(reading(), [2]);
});

t.test("another view changes nothing about whom it waits for", async (t) => {
  const { tell, deliver, reading } = processes(1, 2);
  tell(view([[1]]), 1);
  tell(view([[1], [2]]), 2);
  tell(view([[1], [2]]), 2);
  t.same(reading(), [1]);
  tell(view([[1], [2]]), 1);
  deliver();
  mock.timers.tick(20);
  t.same(reading(), [2]);
});

t.test("a turn that comes late goes on to whoever is to read by then", async (t) => {
  const { tell, deliver, reading } = processes(1, 2, 3);
  tell(view([[1]]), 1);
  tell(view([[1], [2]]), 2);
  const last = view([[1], [2], [3]]);
  tell(last, 3, 2, 1);
  deliver();
  deliver();
  mock.timers.tick(20);
  t.same(reading(), [3]);
});

t.test("while an old process leaves, nothing is read for a moment", async (t) => {
  const { tell, deliver, reading } = processes(1, 2);
  tell(view([[1], [2]]), 1, 2);
  deliver();
  mock.timers.tick(1000);
  t.same(reading(), [2]);
  tell(view([[2]]), 2);
  t.same(reading(), []);
  mock.timers.tick(20);
  t.same(reading(), [2]);
});

t.test("the process of the last epoch takes what nobody has, also when it was asked before", async (t) => {
  const back = view([[1], [2], [1]]);
  t.same(chainOf(back, hashOf("a@b", 0)), [2, 1]);
  t.same(chainOf(view([[1], [2], [3]], [1, 3]), hashOf("a@b", 0)), [1, 3], "the dead are not asked");
});

t.test("Call-IDs spread over the processes, and each has one of them", async (t) => {
  const four = view([[1, 2, 3, 4]]);
  const counts = new Map<number, number>();
  for (let i = 0; i < 4000; i++) {
    const chain = chainOf(four, hashOf(`call-${i}@192.0.2.1`, 4711));
    counts.set(chain[0]!, (counts.get(chain[0]!) ?? 0) + 1);
  }
  t.equal(counts.size, 4);
  t.ok(Math.min(...counts.values()) > 800, [...counts.values()].join(" "));
  const other = Array.from(
    { length: 100 },
    (_, i) => chainOf(four, hashOf(`call-${i}`, 1))[0] === chainOf(four, hashOf(`call-${i}`, 2))[0],
  );
  t.ok(other.filter(Boolean).length < 60, "another gateway spreads them otherwise");
});

t.test("a response takes the way of the requests of its dialog, as far as the process that waits for it", async (t) => {
  t.equal(responseVia([1, 2], 2, 3, []), 1, "the old process is asked first");
  t.equal(responseVia([1, 2], 2, 1, [3]), 2);
  t.equal(responseVia([1, 2], 1, 3, []), 1);
  t.equal(responseVia([1, 2], 4, 3, []), 4, "one that no epoch gives these requests to is reached at once");
  t.equal(responseVia([1, 2, 5], 5, 1, []), 2);
});
