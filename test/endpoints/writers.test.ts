import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";
import { withFileLock } from "../../src/endpoints/file-lock.ts";
import { FileStore } from "../../src/endpoints/file-store.ts";
import { GatewayProcess } from "../support/gateway.ts";

const WRITER = fileURLToPath(new URL("./writer.js", import.meta.url));
const EACH = 12;

t.test("commands, edits by hand and a serving gateway at once lose nothing and end on one table", async (t) => {
  const path = join(t.testdir(), "endpoints.json");
  const store = new FileStore({ path });
  t.teardown(() => store.close());
  const endpoint = { sipAddress: "first@contoso.com", poolFqdn: "pcpool.contoso.com" };
  await store.change([{ kind: "add", endpoint }], { name: "alice", source: "cli" });
  const gateway = await GatewayProcess.start(t, { settings: { store: { kind: "file", path } } });
  const writers = ["a", "b"].map((prefix) =>
    once(spawn(process.execPath, [WRITER, path, prefix, String(EACH)], { stdio: "inherit" }), "exit"),
  );
  // An editor that saved what it read before a command's change would take that change back, and the history would say
  // so. This one reads and saves while nobody else writes, and without telling anybody.
  for (let i = 0; i < EACH; i++) {
    await withFileLock(`${path}.lock`, 60_000, async () => {
      const table = JSON.parse(readFileSync(path, "utf8"));
      table.endpoints.push({ sipAddress: `hand${i}@contoso.com`, poolFqdn: "pcpool.contoso.com" });
      writeFileSync(`${path}~`, JSON.stringify(table));
      renameSync(`${path}~`, path);
    });
  }
  t.same(
    (await Promise.all(writers)).map(([status]) => status),
    [0, 0],
  );
  const { revision, hash, endpoints } = await store.load();
  const names = ["a", "b", "hand"].flatMap((prefix) => Array.from({ length: EACH }, (_, i) => `${prefix}${i}`));
  const has = endpoints.map(({ sipAddress }) => sipAddress.slice(4, sipAddress.indexOf("@")));
  t.same(has.sort(), ["first", ...names].sort());
  t.match(await store.verifyHistory(), { newest: revision, faults: [] });
  const told = await store.history();
  t.equal(told.filter(({ actor }) => actor.source === "cli").length, 1 + 2 * EACH, "each command has its entry");
  const byHand = told.filter(({ actor }) => actor.name === "file").flatMap(({ differences }) => differences);
  t.equal(byHand.length, EACH, "each edit by hand is told, row by row");
  t.ok(
    byHand.every(({ before }) => before === undefined),
    "and took nothing away",
  );
  await gateway.logged((line) => /in force|is loaded/.test(line.msg) && line["revision"] === revision);
  const status = JSON.parse((await gateway.waypost(["status", "--json"])).out);
  t.match(status, { revision, hash, gateways: [{ revision, hash, health: { state: "ok" } }] });
});
