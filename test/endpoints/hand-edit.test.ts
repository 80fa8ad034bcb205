import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { FileStore } from "../../src/endpoints/file-store.ts";
import type { Actor, TableUpdate } from "../../src/endpoints/store.ts";
import { queue } from "./queue.ts";

const alice: Actor = { name: "alice", source: "cli" };
const POOL = { kind: "set", sipAddress: "a@contoso.com" } as const;

/** A store that is closed before its folder is taken away. */
function storeIn(t: Test): FileStore {
  t.teardown(() => store.close());
  const store = new FileStore({ path: join(t.testdir(), "endpoints.json") });
  return store;
}

/** A watched store with one row in its table, and what the watch reports. */
async function watched(t: Test) {
  const store = storeIn(t);
  const { path } = store;
  const endpoint = { sipAddress: "a@contoso.com", poolFqdn: "one.contoso.com" };
  await store.change([{ kind: "add", endpoint }], alice);
  const tables = queue<TableUpdate>();
  const refusals = queue<Error>();
  store.watch(tables.put, refusals.put);
  const edit = (from: string, to: string) => writeFileSync(path, readFileSync(path, "utf8").replaceAll(from, to));
  return { path, store, tables, refusals, edit };
}

t.test("an edit by hand is in force as the next revision, named file", async (t) => {
  const { tables, edit } = await watched(t);
  edit("one.contoso.com", "two.contoso.com");
  const { revision, differences } = await tables.next();
  t.equal(revision, 2);
  const after = { poolFqdn: "two.contoso.com", version: 2, updatedBy: "file", createdBy: "alice" };
  t.match(differences, [{ before: { poolFqdn: "one.contoso.com" }, after }]);
});

t.test("an edit by rename, as editors save, is seen as well", async (t) => {
  const { path, tables } = await watched(t);
  for (const pool of ["two.contoso.com", "three.contoso.com"]) {
    writeFileSync(`${path}.new`, readFileSync(path, "utf8").replace(/"\w+\.contoso\.com"/, `"${pool}"`));
    renameSync(`${path}.new`, path);
    t.match(await tables.next(), { differences: [{ after: { poolFqdn: pool } }] });
  }
});

t.test("every process counts an edit by hand alike, and the next write continues from there", async (t) => {
  const { path, tables, edit } = await watched(t);
  edit("one.contoso.com", "two.contoso.com");
  await tables.next();
  edit("two.contoso.com", "three.contoso.com");
  t.equal((await tables.next()).revision, 3);
  const another = new FileStore({ path });
  t.equal((await another.load()).revision, 3);
  t.equal((await another.change([{ ...POOL, fields: { port: 5061 } }], alice)).revision, 4);
  t.equal((await tables.next()).revision, 4);
});

t.test("a process that was not there counts an edit by hand too", async (t) => {
  const path = join(t.testdir(), "endpoints.json");
  const endpoint = { sipAddress: "a@contoso.com", poolFqdn: "one.contoso.com" };
  await new FileStore({ path }).change([{ kind: "add", endpoint }], alice);
  writeFileSync(path, readFileSync(path, "utf8").replace("one.contoso.com", "two.contoso.com"));
  t.equal((await new FileStore({ path }).load()).revision, 2);
  t.equal((await new FileStore({ path }).change([{ ...POOL, fields: { port: 5061 } }], alice)).revision, 3);
});

t.test("a change by another process arrives with its own author", async (t) => {
  const { path, tables } = await watched(t);
  const bob: Actor = { name: "bob", source: "cli" };
  await new FileStore({ path }).change([{ ...POOL, fields: { poolFqdn: "two.contoso.com" } }], bob);
  t.match(await tables.next(), { revision: 2, differences: [{ after: { version: 2, updatedBy: "bob" } }] });
});

t.test("a change by the store itself reaches its watchers", async (t) => {
  const { store, tables } = await watched(t);
  await store.change([{ ...POOL, fields: { poolFqdn: "two.contoso.com" } }], alice);
  t.match(await tables.next(), { revision: 2, differences: [{ after: { poolFqdn: "two.contoso.com" } }] });
});

t.test("a row that was not touched stays the same object", async (t) => {
  const { store, tables, path } = await watched(t);
  const before = (await store.load()).endpoints[0];
  const endpoint = { sipAddress: "b@contoso.com", poolFqdn: "two.contoso.com" };
  await new FileStore({ path }).change([{ kind: "add", endpoint }], alice);
  t.match(await tables.next(), { differences: [{ before: undefined, after: { sipAddress: "sip:b@contoso.com" } }] });
  const { endpoints } = await store.load();
  t.equal(endpoints[0], before);
  t.equal(endpoints.length, 2);
});

t.test("blanks and line breaks make no new table", async (t) => {
  const { path, store, tables } = await watched(t);
  writeFileSync(path, JSON.stringify(JSON.parse(readFileSync(path, "utf8"))));
  t.equal((await store.load()).revision, 1);
  t.equal(tables.size, 0);
});

t.test("a broken edit is refused once with its place, and a good one is in force again", async (t) => {
  const { path, tables, refusals } = await watched(t);
  const good = readFileSync(path, "utf8");
  writeFileSync(path, good.replace('"one.contoso.com"', '"one"'));
  const refusal = await refusals.next();
  t.equal(
    refusal.message,
    `${path}:6:19: pool "one" has no dot; a fully qualified domain name or an IP address is needed`,
  );
  writeFileSync(path, good.replace("one.contoso.com", "two.contoso.com"));
  t.match(await tables.next(), { revision: 2, differences: [{ after: { poolFqdn: "two.contoso.com" } }] });
  t.equal(refusals.size, 0);
});

t.test("a file that disappears is refused, not taken for an empty table", async (t) => {
  const { path, store, tables, refusals } = await watched(t);
  const good = readFileSync(path, "utf8");
  rmSync(path);
  t.match((await refusals.next()).message, /endpoints.json has disappeared/);
  await t.rejects(store.change([{ ...POOL, fields: {} }], alice), { code: "TABLE_SUSPICIOUS" });
  writeFileSync(path, good.replace("one.contoso.com", "two.contoso.com"));
  t.match(await tables.next(), { revision: 2 });
});

t.test("an edit between load and watch is not lost", async (t) => {
  const store = storeIn(t);
  const { path } = store;
  const text = '{ "revision": 7, "endpoints": [{ "sipAddress": "a@contoso.com", "poolFqdn": "one.contoso.com" }] }';
  writeFileSync(path, text);
  t.equal((await store.load()).revision, 7);
  writeFileSync(path, text.replace("one", "two"));
  const tables = queue<TableUpdate>();
  store.watch(tables.put, tables.put as never);
  t.match(await tables.next(), { revision: 8, differences: [{ after: { poolFqdn: "two.contoso.com" } }] });
});

t.test("a watch that was stopped reports nothing more", async (t) => {
  const path = join(t.testdir(), "endpoints.json");
  const store = new FileStore({ path });
  const stop = store.watch(
    () => t.fail("reported a table"),
    () => t.fail("reported a refusal"),
  );
  stop();
  const endpoint = { sipAddress: "a@contoso.com", poolFqdn: "one.contoso.com" };
  await store.change([{ kind: "add", endpoint }], alice);
  await store.close();
});

t.test(
  "an edit that is saved while a change is being written stands, and the change is made on top of it",
  async (t) => {
    const { path, store, edit } = await watched(t);
    let saves = 0;
    // Asked after the table was read and before it is written: the very moment at which nothing shows the edit yet.
    const whyUnable = (): undefined => {
      if (saves++ === 0) edit("one.contoso.com", "by-hand.contoso.com");
    };
    const writer = new FileStore({ path, whyUnable });
    t.teardown(() => writer.close());
    const endpoint = { sipAddress: "b@contoso.com", poolFqdn: "two.contoso.com" };
    const { revision } = await writer.change([{ kind: "add", endpoint }], alice);
    t.equal(revision, 3);
    const { endpoints } = await store.load();
    t.same(endpoints.map(({ poolFqdn }) => poolFqdn).sort(), ["by-hand.contoso.com", "two.contoso.com"]);
    t.match(await store.history(), [{ actor: alice }, { actor: { name: "file" } }, { actor: alice }]);
    t.match(await store.verifyHistory(), { newest: 3, faults: [] });
  },
);

t.test("a change gives up, and says why, where the file is saved again and again meanwhile", async (t) => {
  const { path, edit } = await watched(t);
  let saves = 0;
  const whyUnable = (): undefined => {
    edit(saves++ === 0 ? "one." : `n${saves - 1}.`, `n${saves}.`);
  };
  const writer = new FileStore({ path, whyUnable });
  t.teardown(() => writer.close());
  const endpoint = { sipAddress: "b@contoso.com", poolFqdn: "two.contoso.com" };
  await t.rejects(writer.change([{ kind: "add", endpoint }], alice), {
    code: "CHANGED_MEANWHILE",
    message: /endpoints\.json was edited while a change was being written/,
  });
  t.match(readFileSync(path, "utf8"), `n${saves}.contoso.com`, "the last edit stands");
  t.match(await writer.verifyHistory(), { faults: [] });
});
