import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pino } from "pino";
import t from "tap";
import { loadRouteKeys } from "../../src/engine/route-keys.ts";

const silent = pino({ level: "silent" });

t.test("a missing key file is made, for its owner only, and read again the same", async (t) => {
  const path = join(t.testdir(), "waypost.keys");
  const made = loadRouteKeys(path, silent);
  t.equal(made.length, 1);
  t.equal(statSync(path).mode & 0o777, 0o600);
  t.same(loadRouteKeys(path, silent), made);
});

t.test("the first key signs and the others follow in their order; comments and empty lines do not count", async (t) => {
  const path = join(t.testdir(), "waypost.keys");
  writeFileSync(path, "# new\n0100000002000000\n\n  0300000004000000\n");
  t.same(loadRouteKeys(path, silent), [
    [1, 2],
    [3, 4],
  ]);
});

t.test("a line that is no key is named, and the file is left alone", async (t) => {
  const path = join(t.testdir(), "waypost.keys");
  writeFileSync(path, "0100000002000000\nsecret\n");
  t.throws(() => loadRouteKeys(path, silent), { code: "CONFIG_INVALID", message: /waypost\.keys:2: a route key is/ });
  t.equal(readFileSync(path, "utf8"), "0100000002000000\nsecret\n");
});

t.test("where no file can be made, a key of this process serves and a warning says what that means", async (t) => {
  const lines: string[] = [];
  const log = pino({ level: "warn" }, { write: (line: string) => lines.push(line) });
  const path = join(t.testdir(), "absent", "waypost.keys");
  t.equal(loadRouteKeys(path, log).length, 1);
  t.match(lines.join(""), /dialogs that are set up now end with this process/);
});
