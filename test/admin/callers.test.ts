import t from "tap";
import { textHash } from "../../src/hash-index.ts";
import { type Caller, Callers } from "../../src/observe/callers.ts";
import { SimRandom } from "../support/sim-random.ts";

/** What is remembered, said simply. */
class Model {
  readonly heard = new Map<string, Caller>();

  note(endpoint: string, caller: string, lastStatus: number, lastMethod: string, now: number): void {
    const key = `${endpoint}\n${caller}`;
    const known = this.heard.get(key);
    this.heard.delete(key);
    const requests = (known?.requests ?? 0) + 1;
    const firstAt = known?.firstAt ?? now;
    this.heard.set(key, { endpoint, caller, requests, firstAt, lastAt: now, lastStatus, lastMethod });
  }

  last(limit: number): Caller[] {
    return [...this.heard.values()].reverse().slice(0, limit);
  }
}

t.test("callers with texts of every length, and of every character, are remembered as they called last", async (t) => {
  for (const [seed, limit] of [
    [1, 1],
    [2, 63],
    [3, 64],
    [4, 300],
  ] as const) {
    const random = new SimRandom(seed);
    const callers = new Callers(limit);
    const model = new Model();
    // Far more than are remembered, so that a long one takes the place of a short one and the other way round.
    const names = Array.from({ length: 2 * limit + 3 }, (_, i) => {
      const filling = ["", "x".repeat(i % 200), "é".repeat(i % 50), "漢".repeat(i % 7)][i % 4]!;
      return [
        `sip:room${i % 5}${i % 11 === 0 ? "y".repeat(150) : ""}@contoso.com`,
        `sip:user${i}${filling}@contoso.com`,
      ];
    });
    for (let now = 1; now < 4000; now++) {
      const [endpoint, caller] = random.pick(names) as [string, string];
      const method = random.pick(["INVITE", "SUBSCRIBE", "INFO", "X".repeat(120)]);
      const status = random.pick([200, 302, 404, 0]);
      // Whoever was forgotten is heard for the first time again.
      const remembered = new Set(model.last(limit).map((known) => `${known.endpoint}\n${known.caller}`));
      if (!remembered.has(`${endpoint}\n${caller}`)) model.heard.delete(`${endpoint}\n${caller}`);
      callers.note(endpoint, textHash(endpoint), caller, status, method, now);
      model.note(endpoint, caller, status, method, now);
    }
    t.same([...callers], model.last(limit), `at most ${limit}`);
    t.ok(callers.forgotten > 0);
  }
});
