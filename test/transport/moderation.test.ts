import t from "tap";
import { Moderation } from "../../src/transport/moderation.ts";

/** Ends turns, each so many ms after the one before, and tells how often the next one was put off. */
function turnsAgo(): (turns: number, each: { pieces: number; apart: number }) => number {
  let now = 1000;
  const moderation = new Moderation(
    () => now,
    (ms) => {
      now += ms;
    },
  );
  return (turns, { pieces, apart }) => {
    let putOff = 0;
    for (let i = 0; i < turns; i++) {
      now += apart;
      if (moderation.turnEnded(pieces)) putOff++;
    }
    return putOff;
  };
}

t.test("a turn is never put off under light load, however long it lasts", async (t) => {
  const turns = turnsAgo();
  t.equal(turns(1000, { pieces: 1, apart: 0.2 }), 0, "5,000 messages in a second");
});

t.test("where messages come one by one close behind each other, turns are put off", async (t) => {
  const turns = turnsAgo();
  const count = turns(1000, { pieces: 2, apart: 0.05 });
  t.ok(count > 900, `${count} of 1000`);
});

t.test("a turn in which much came is followed by the next one at once", async (t) => {
  const turns = turnsAgo();
  t.equal(turns(1000, { pieces: 20, apart: 0.4 }), 0);
});

t.test("the first message after a pause is no reason to wait for more", async (t) => {
  const turns = turnsAgo();
  t.ok(turns(100, { pieces: 2, apart: 0.05 }) > 0);
  t.equal(turns(1, { pieces: 1, apart: 500 }), 0);
  t.equal(turns(20, { pieces: 1, apart: 0.5 }), 0);
});

t.test("how long turns were put off is known, the kernel's part included", async (t) => {
  const asked: number[] = [];
  let now = 0;
  const moderation = new Moderation(
    () => now,
    (ms) => {
      asked.push(ms);
      now += ms + 0.06;
    },
  );
  for (let i = 0; i < 1000; i++) {
    now += 0.05;
    moderation.turnEnded(1);
  }
  t.ok(asked.length > 0);
  t.ok(asked.every((ms) => ms > 0 && ms <= 0.1));
  t.equal(Math.round(moderation.slept), Math.round(asked.reduce((sum, ms) => sum + ms + 0.06, 0)));
});

t.test("it is the thread that sleeps", { skip: process.platform !== "linux" }, async (t) => {
  const moderation = Moderation.ofThisSystem()!;
  // Turns end as close behind each other as a loop can have it; where it is held up, a little later.
  const until = performance.now() + 10_000;
  while (moderation.slept === 0 && performance.now() < until) moderation.turnEnded(1);
  t.ok(moderation.slept > 0);
});
