import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import t from "tap";
import { flood } from "./flood.ts";

t.test("under a flood from one source every call from another succeeds, and the flood fills no table", async (t) => {
  const folder = t.testdir({});
  const configFile = join(folder, "waypost.yaml");
  const { engine, flooded, calls, answered, mostTransactions, stop } = await flood({
    seconds: 2,
    packetsPerSecond: 10_000,
    callsPerSecond: 50,
    limits: { messagesPerSecond: 200, overloadDelayMs: 0 },
    folder,
    configFile,
    writeConfig: (text) => writeFile(configFile, text),
  });
  t.teardown(stop);
  t.ok(flooded >= 20_000, `${flooded} packets`);
  t.equal(answered, calls);
  // How many depends on the machine: a slow one leaves most of the flood to the kernel, which drops it too.
  t.ok(engine.guard.counts.limited > 0, `${engine.guard.counts.limited} were dropped unread`);
  // What the rate lets through: the burst and so many a second for as long as the flood was worked off.
  t.ok(mostTransactions < 10_000, `${mostTransactions} transactions at most`);
  t.ok(engine.guard.counts.sources <= 3);
});
