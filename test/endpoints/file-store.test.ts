import { mkdirSync, readdirSync, readFileSync, rmdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { chmod, lstat } from "node:fs/promises";
import { join } from "node:path";
import t from "tap";
import { FileStore } from "../../src/endpoints/file-store.ts";
import type { Actor, RowChange } from "../../src/endpoints/store.ts";
import { row } from "./row.ts";

/** What stands beside an endpoint file once it was written. */
const COMPANIONS = ["endpoints.json.history", "endpoints.json.last", "endpoints.json.state"];

const alice: Actor = { name: "alice", source: "cli" };

function add(sipAddress: string, poolFqdn = "pcpool.contoso.com"): RowChange {
  return { kind: "add", endpoint: { sipAddress, poolFqdn } };
}

function fileIn(folder: string, content?: unknown): string {
  const path = join(folder, "endpoints.json");
  if (content !== undefined) {
    writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
  }
  return path;
}

t.test("a missing file is an empty table at revision 0, and the first change makes it", async (t) => {
  const path = fileIn(t.testdir());
  const store = new FileStore({ path });
  t.match(await store.load(), { revision: 0, endpoints: [] });
  t.throws(() => statSync(path), { code: "ENOENT" });
  const { revision } = await store.change([add("a@contoso.com")], alice);
  t.equal(revision, 1);
  t.match(JSON.parse(readFileSync(path, "utf8")), { revision: 1, endpoints: [{ sipAddress: "sip:a@contoso.com" }] });
});

t.test("what one store writes, another one reads", async (t) => {
  const path = fileIn(t.testdir());
  const written = await new FileStore({ path }).change([add("a@contoso.com"), add("b@contoso.com")], alice);
  const read = await new FileStore({ path }).load();
  t.equal(read.revision, written.revision);
  t.same(
    read.endpoints,
    written.differences.map(({ after }) => after),
  );
});

t.test("a row written by hand needs only address and pool", async (t) => {
  const path = fileIn(t.testdir(), { endpoints: [{ sipAddress: "a@contoso.com", poolFqdn: "pcpool.contoso.com" }] });
  const { endpoints } = await new FileStore({ path }).load();
  const at = statSync(path, { bigint: true }).mtime.toISOString();
  const byHand = { createdBy: "file", updatedBy: "file", createdAt: at, updatedAt: at };
  t.same(endpoints, [row({ sipAddress: "sip:a@contoso.com", ...byHand })]);
});

t.test("a byte order mark in front is no fault", async (t) => {
  const path = fileIn(t.testdir(), '\ufeff{ "revision": 4, "endpoints": [] }');
  t.equal((await new FileStore({ path }).load()).revision, 4);
});

t.test("the file is laid out for people, and a change touches only its lines", async (t) => {
  const path = fileIn(t.testdir());
  const store = new FileStore({ path });
  await store.change([add("a@contoso.com"), add("b@contoso.com")], alice);
  const before = readFileSync(path, "utf8").split("\n");
  await store.change([{ kind: "set", sipAddress: "b@contoso.com", fields: { poolFqdn: "new.contoso.com" } }], alice);
  const after = readFileSync(path, "utf8").split("\n");
  const changed = after.filter((line, index) => line !== before[index]).map((line) => line.trim().split(":")[0]);
  t.same(
    changed.filter((name) => name !== '"updatedAt"'),
    ['"revision"', '"poolFqdn"', '"version"'],
  );
});

t.test("a dry run tells what would change and changes nothing", async (t) => {
  const folder = t.testdir();
  const store = new FileStore({ path: fileIn(folder) });
  const result = await store.change([add("a@contoso.com")], alice, { dryRun: true });
  t.match(result, { revision: 0, differences: [{ after: { sipAddress: "sip:a@contoso.com" } }] });
  t.same(readdirSync(folder), []);
});

t.test("a change that changes nothing keeps file and revision", async (t) => {
  const path = fileIn(t.testdir());
  const store = new FileStore({ path });
  await store.change([add("a@contoso.com")], alice);
  const before = readFileSync(path);
  const result = await store.change([{ kind: "set", sipAddress: "a@contoso.com", fields: { mode: "proxy" } }], alice);
  t.match(result, { revision: 1, differences: [] });
  t.same(readFileSync(path), before);
});

t.test("one impossible change of several commits none of them", async (t) => {
  const path = fileIn(t.testdir());
  const store = new FileStore({ path });
  await store.change([add("a@contoso.com")], alice);
  const before = readFileSync(path);
  await t.rejects(store.change([add("b@contoso.com"), add("A@contoso.com")], alice), { code: "ADDRESS_TAKEN" });
  t.same(readFileSync(path), before);
  t.equal((await store.change([add("c@contoso.com")], alice)).revision, 2);
});

t.test("a lost race tells who was faster", async (t) => {
  const path = fileIn(t.testdir());
  await new FileStore({ path }).change([add("a@contoso.com")], alice);
  const set = (poolFqdn: string): RowChange => ({
    kind: "set",
    sipAddress: "a@contoso.com",
    fields: { poolFqdn },
    expectedVersion: 1,
  });
  await new FileStore({ path }).change([set("one.contoso.com")], { name: "bob", source: "cli" });
  await t.rejects(new FileStore({ path }).change([set("two.contoso.com")], alice), {
    code: "CHANGED_MEANWHILE",
    message: /changed by bob at .* poolFqdn is one.contoso.com, you wanted two.contoso.com/,
  });
});

t.test("changes asked for at once are made one after the other", async (t) => {
  const store = new FileStore({ path: fileIn(t.testdir()) });
  const results = await Promise.all(
    Array.from({ length: 10 }, (_, i) => store.change([add(`room${i}@contoso.com`)], alice)),
  );
  t.same(
    results.map(({ revision }) => revision),
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
  );
  t.equal((await store.load()).endpoints.length, 10);
});

t.test("a change keeps the file's mode", async (t) => {
  const path = fileIn(t.testdir(), { endpoints: [] });
  await chmod(path, 0o640);
  await new FileStore({ path }).change([add("a@contoso.com")], alice);
  t.equal(statSync(path).mode & 0o777, 0o640);
});

t.test("behind a symbolic link the file is replaced and not the link", async (t) => {
  const folder = t.testdir({ real: {} });
  const link = join(folder, "endpoints.json");
  symlinkSync("real/table.json", link);
  const store = new FileStore({ path: link });
  writeFileSync(join(folder, "real/table.json"), '{ "endpoints": [] }');
  await store.change([add("a@contoso.com")], alice);
  t.ok((await lstat(link)).isSymbolicLink());
  t.match(readFileSync(join(folder, "real/table.json"), "utf8"), /sip:a@contoso.com/);
});

t.test("a write that fails leaves the old table, says why, and the next one succeeds", async (t) => {
  const folder = t.testdir();
  const path = fileIn(folder);
  const store = new FileStore({ path });
  await store.change([add("a@contoso.com")], alice);
  const before = readFileSync(path);
  // The temporary file's name is taken by a folder, so it cannot be made; this also stops root.
  mkdirSync(`${path}.tmp`);
  await t.rejects(store.change([add("b@contoso.com")], alice), { code: "TABLE_UNREADABLE", message: /cannot write/ });
  t.same(readFileSync(path), before);
  t.same(readdirSync(folder).sort(), ["endpoints.json", ...COMPANIONS, "endpoints.json.tmp"]);
  rmdirSync(`${path}.tmp`);
  t.equal((await store.change([add("b@contoso.com")], alice)).revision, 2);
});

t.test("what a killed writer left behind is cleared by the next one", async (t) => {
  const folder = t.testdir();
  const path = fileIn(folder);
  writeFileSync(`${path}.tmp`, '{ "revision": 1, "endpo');
  await new FileStore({ path }).change([add("a@contoso.com")], alice);
  t.same(readdirSync(folder).sort(), ["endpoints.json", ...COMPANIONS]);
});

t.test("a table whose folder is missing is refused with the reason", async (t) => {
  const store = new FileStore({ path: join(t.testdir(), "nowhere", "endpoints.json") });
  await t.rejects(store.change([add("a@contoso.com")], alice), {
    code: "TABLE_UNREADABLE",
    message: /folder does not exist/,
  });
});

t.test("a stored endpoint that points at the gateway itself is refused with its place", async (t) => {
  const path = fileIn(
    t.testdir(),
    '{ "endpoints": [\n  { "sipAddress": "a@b.c",\n    "poolFqdn": "gw.contoso.com" } ] }',
  );
  await t.rejects(new FileStore({ path, isSelf: (host) => host === "gw.contoso.com" }).load(), {
    code: "TABLE_INVALID",
    message: `${path}:3:17: poolFqdn gw.contoso.com is this gateway itself; calls would go in circles`,
  });
});

const BROKEN: readonly (readonly [name: string, text: string, says: readonly string[]])[] = [
  [
    "a comma too many",
    '{\n  "endpoints": [\n    { "sipAddress": "a@b.c", "poolFqdn": "x.y", }\n  ]\n}',
    ["3:49: a setting's name"],
  ],
  ["a missing comma", '{ "endpoints": [\n  {}\n  {}\n] }', ["3:3: a comma is missing"]],
  ["a missing bracket", '{ "endpoints": [\n', ["2:1: a closing bracket"]],
  ["single quotes", "{ 'endpoints': [] }", ["1:3: this word is not valid JSON"]],
  ["a comment", '{\n // mine\n "endpoints": [] }', ["2:2: JSON has no comments"]],
  ["an empty file", "", ["1:1: the file is empty"]],
  ["a list instead of a table", "[]", ["1:1: the document must be a group of settings"]],
  ["no list of endpoints", '{ "revision": 1 }', ["1:1: endpoints is missing"]],
  ["an unknown key", '{ "endpoints": [],\n  "revison": 3 }', ["2:3: unknown setting revison; did you mean revision?"]],
  ["a missing pool", '{ "endpoints": [\n  { "sipAddress": "a@b.c" } ] }', ["2:3: poolFqdn is missing"]],
  [
    "several faults at once",
    '{ "endpoints": [\n  { "sipAddress": "a", "poolFqdn": "x" },\n  { "sipAddress": "b@b.c", "poolFqdn": "x.y", "port": 0 } ] }',
    ['2:19: SIP address "a"', '2:36: pool "x"', "3:55: port must be"],
  ],
  [
    "an address that stands there twice",
    '{ "endpoints": [\n  { "sipAddress": "a@b.c", "poolFqdn": "x.y" },\n  { "sipAddress": "A@B.c", "poolFqdn": "x.y" } ] }',
    ["3:19: sip:A@B.c is the address of endpoint number 1"],
  ],
];

t.test("a broken file is refused with file, line and column of everything wrong", async (t) => {
  for (const [name, text, says] of BROKEN) {
    const path = fileIn(t.testdir(), text);
    const error = await new FileStore({ path }).load().then(
      () => t.fail(`${name} was accepted`),
      (refusal) => refusal as Error & { code: string },
    );
    t.equal((error as { code?: string }).code, "TABLE_INVALID", name);
    const lines = (error as Error).message.split("\n");
    t.equal(lines.length, says.length, `${name}: ${(error as Error).message}`);
    says.forEach((begin, index) => {
      t.ok(lines[index]?.startsWith(`${path}:${begin}`), `${name}: ${lines[index]}`);
    });
  }
});

t.test("text that is not UTF-8 is refused instead of being garbled", async (t) => {
  const path = fileIn(t.testdir());
  writeFileSync(path, Buffer.from('{ "endpoints": [] } \u00e4', "latin1"));
  await t.rejects(new FileStore({ path }).load(), { code: "TABLE_INVALID", message: /not UTF-8/ });
});

t.test("a broken file is never overwritten by a change", async (t) => {
  const path = fileIn(t.testdir(), "{ broken");
  await t.rejects(new FileStore({ path }).change([add("a@contoso.com")], alice), { code: "TABLE_INVALID" });
  t.equal(readFileSync(path, "utf8"), "{ broken");
});
