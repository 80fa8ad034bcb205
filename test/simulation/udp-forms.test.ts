import t from "tap";
import { SimWire } from "../support/sim-wire.ts";
import { ACTOR_ADDRESSES, runSeedOver } from "../support/sim-world.ts";
import { udpForms } from "../support/udp-form.ts";

/** `npm run test:udp` runs all seeds over real sockets. */
const SEEDS = 100;

/** What happened in each seed, message by message, by the form. */
const worlds = new Map<string, string[]>();

for (const udp of udpForms) {
  t.test(`the rules of the wire hold with the gateway's datagrams on real sockets, ${udp}`, async (t) => {
    const wire = await SimWire.open(t, udp, ACTOR_ADDRESSES);
    const failures: string[] = [];
    const traces: string[] = [];
    for (let seed = 0; seed < SEEDS; seed++) {
      const { violations, trace } = await runSeedOver(wire, seed, true);
      if (violations.length > 0) failures.push(`SEED=${seed} TEST_UDP=${udp} ${violations[0]}`);
      traces.push(trace.join("\n"));
    }
    t.same(failures, []);
    worlds.set(udp, traces);
  });
}

t.test("the gateway sends and does the same in every form", async (t) => {
  const [first, ...others] = worlds.values();
  t.ok(
    first!.every((trace) => trace.includes("\n")),
    "the messages were recorded",
  );
  for (const other of others) {
    t.same(
      other.flatMap((trace, seed) => (trace === first![seed] ? [] : [seed])),
      [],
      "seeds with another course",
    );
  }
});
