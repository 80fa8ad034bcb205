import t from "tap";
import { Moderation } from "../../src/transport/moderation.ts";

/** Ends turns, each so many ms after the one before, and tells how often the next one was put off. */
function putOff(moderation: (clock: () => number, sleep: (ms: number) => void) => Moderation) {
  let now = 1000;
  let slept = 0;
  const one = moderation(
    () => now,
    (ms) => {
      slept++;
      now += ms;
    },
  );
  return (turns: number, { pieces, apart }: { pieces: number; apart: number }): number => {
    const before = slept;
    for (let i = 0; i < turns; i++) {
      now += apart;
      one.turnEnded(pieces);
    }
    return slept - before;
  };
}

const make = (clock: () => number, sleep: (ms: number) => void): Moderation => new Moderation(clock, sleep);

t.test("a turn is never put off under light load, however long it lasts", async (t) => {
  const turns = putOff(make);
  t.equal(turns(1000, { pieces: 1, apart: 0.2 }), 0, "5,000 messages in a second");
});

t.test("where messages come one by one close behind each other, turns are put off", async (t) => {
  const turns = putOff(make);
  const count = turns(1000, { pieces: 2, apart: 0.05 });
  t.ok(count > 900, `${count} of 1000`);
});

t.test("a turn in which much came is followed by the next one at once", async (t) => {
  const turns = putOff(make);
  t.equal(turns(1000, { pieces: 20, apart: 0.4 }), 0);
});

t.test("the first message after a pause is no reason to wait for more", async (t) => {
  const turns = putOff(make);
  t.ok(turns(100, { pieces: 2, apart: 0.05 }) > 0);
  t.equal(turns(1, { pieces: 1, apart: 500 }), 0);
  t.equal(turns(20, { pieces: 1, apart: 0.5 }), 0);
});

t.test("a turn is put off by no more than a tenth of a ms, and a little for the kernel", async (t) => {
  const times: number[] = [];
  let now = 0;
  const moderation = new Moderation(
    () => now,
    (ms) => times.push(ms),
  );
  for (let i = 0; i < 1000; i++) {
    now += 0.05;
    moderation.turnEnded(1);
  }
  t.ok(times.length > 0);
  t.ok(times.every((ms) => ms > 0 && ms <= 0.1));
});
