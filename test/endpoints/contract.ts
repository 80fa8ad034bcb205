import type { Test } from "tap";
import type { Actor, EndpointStore, RowChange, TableUpdate } from "../../src/endpoints/store.ts";
import { EndpointTable } from "../../src/endpoints/table.ts";
import { hashOf } from "../../src/endpoints/table-hash.ts";
import { queue } from "./queue.ts";

/** Opens stores on one and the same table, which is empty at first. */
export type OpenStore = (options?: { readonly history?: number }) => EndpointStore;

const alice: Actor = { name: "alice", source: "cli", reason: "moving day" };
const bob: Actor = { name: "bob", source: "api" };

function add(sipAddress: string, poolFqdn = "one.contoso.com"): RowChange {
  return { kind: "add", endpoint: { sipAddress, poolFqdn } };
}

function set(poolFqdn: string, sipAddress = "a@contoso.com"): Extract<RowChange, { kind: "set" }> {
  return { kind: "set", sipAddress, fields: { poolFqdn } };
}

/** What every store of the endpoint table does, whatever the rows are kept in. */
export function storeContract(t: Test, newTable: (t: Test) => Promise<OpenStore>): void {
  const behaviour = (name: string, test: (t: Test, open: OpenStore) => Promise<void>): void => {
    t.test(name, async (t) => {
      const opened: EndpointStore[] = [];
      // Before the folder of the table is made, so that it is not taken away under a store that still writes.
      t.teardown(() => Promise.all(opened.map((store) => store.close())));
      const openStore = await newTable(t);
      await test(t, (options) => {
        const store = openStore(options);
        opened.push(store);
        return store;
      });
    });
  };

  behaviour("a table that was never written is empty, at revision 0", async (t, open) => {
    t.match(await open().load(), { revision: 0, endpoints: [], hash: hashOf([]) });
  });

  behaviour("what one store writes, another one reads", async (t, open) => {
    const written = await open().change([add("a@contoso.com"), add("b@contoso.com")], alice);
    const read = await open().load();
    t.equal(read.revision, 1);
    t.equal(written.revision, 1);
    t.equal(read.hash, written.hash);
    t.equal(read.hash, hashOf(read.endpoints));
    t.same(new Set(read.endpoints), new Set(written.differences.map(({ after }) => after)));
  });

  behaviour("a dry run tells what would change and changes nothing", async (t, open) => {
    const store = open();
    const result = await store.change([add("a@contoso.com")], alice, { dryRun: true });
    t.match(result, { revision: 0, differences: [{ after: { sipAddress: "sip:a@contoso.com" } }] });
    t.match(await store.load(), { revision: 0, endpoints: [] });
    t.same(await store.history(), []);
  });

  behaviour("a change that changes nothing makes no revision", async (t, open) => {
    const store = open();
    await store.change([add("a@contoso.com")], alice);
    t.match(await store.change([set("one.contoso.com")], bob), { revision: 1, differences: [] });
    t.equal((await store.history()).length, 1);
  });

  behaviour("one impossible change of several commits none of them", async (t, open) => {
    const store = open();
    await store.change([add("a@contoso.com")], alice);
    await t.rejects(store.change([add("b@contoso.com"), add("A@contoso.com")], alice), { code: "ADDRESS_TAKEN" });
    t.equal((await store.load()).endpoints.length, 1);
  });

  behaviour("a lost race tells who was faster and what differs", async (t, open) => {
    await open().change([add("a@contoso.com")], alice);
    await open().change([{ ...set("two.contoso.com"), expectedVersion: 1 }], bob);
    await t.rejects(open().change([{ ...set("three.contoso.com"), expectedVersion: 1 }], alice), {
      code: "CHANGED_MEANWHILE",
      message: /changed by bob at .* poolFqdn is two.contoso.com, you wanted three.contoso.com/,
    });
  });

  behaviour("changes asked for at once by several stores are all made, one after the other", async (t, open) => {
    const stores = [open(), open(), open()];
    const results = await Promise.all(
      Array.from({ length: 15 }, (_, i) => stores[i % 3]!.change([add(`room${i}@contoso.com`)], alice)),
    );
    t.same(
      results.map(({ revision }) => revision).sort((a, b) => a - b),
      Array.from({ length: 15 }, (_, i) => i + 1),
    );
    const { endpoints, hash } = await open().load();
    t.equal(endpoints.length, 15);
    t.equal(hash, hashOf(endpoints));
    t.same((await open().verifyHistory()).faults, []);
  });

  behaviour("a row's address can change, and the old one is free again", async (t, open) => {
    const store = open();
    await store.change([add("a@contoso.com")], alice);
    await store.change([{ kind: "set", sipAddress: "a@contoso.com", fields: { sipAddress: "z@contoso.com" } }], bob);
    t.match(await open().load(), { endpoints: [{ sipAddress: "sip:z@contoso.com", version: 2 }] });
    await store.change([add("a@contoso.com")], bob);
    t.equal((await open().load()).endpoints.length, 2);
  });

  behaviour("a change by the store itself is in its watchers' hands before it is answered", async (t, open) => {
    const store = open();
    const table = new EndpointTable(await store.load());
    store.watch(
      ({ differences, revision }) => table.apply(differences, revision),
      (error) => t.fail(error.message),
    );
    const { hash } = await store.change([add("a@contoso.com"), add("b@contoso.com")], alice);
    t.equal(table.hash, hash);
    t.equal(table.revision, 1);
  });

  behaviour("a watcher is given what follows the table that was loaded, whoever wrote it", async (t, open) => {
    const store = open();
    await store.change([add("a@contoso.com")], alice);
    const table = new EndpointTable(await store.load());
    const updates = queue<TableUpdate>();
    store.watch(updates.put, (error) => t.fail(error.message));
    const other = open();
    await other.change([set("two.contoso.com"), add("b@contoso.com")], bob);
    await other.change([{ kind: "remove", sipAddress: "b@contoso.com" }], bob);
    while (table.revision < 3) {
      const { differences, revision } = await updates.next();
      table.apply(differences, revision);
    }
    const { endpoints, hash } = await other.load();
    t.same([...table.all()], endpoints);
    t.equal(table.hash, hash);
  });

  behaviour("the history tells who, when, why, from where and what", async (t, open) => {
    const store = open();
    await store.change([add("a@contoso.com")], alice);
    await store.change([set("two.contoso.com")], bob);
    const [second, first] = await store.history();
    t.match(first, { revision: 1, actor: alice, differences: [{ after: { poolFqdn: "one.contoso.com" } }] });
    t.notOk(first?.differences[0]?.before);
    t.match(second, {
      revision: 2,
      actor: bob,
      differences: [{ before: { poolFqdn: "one.contoso.com" }, after: { poolFqdn: "two.contoso.com" } }],
      tableHash: (await store.load()).hash,
      previousHash: first?.hash,
    });
    t.ok(Math.abs(Date.now() - Date.parse(first!.at)) < 60_000);
  });

  behaviour("the history can be asked for one address, for older revisions and for a few", async (t, open) => {
    const store = open();
    await store.change([add("a@contoso.com"), add("b@contoso.com")], alice);
    await store.change([set("two.contoso.com")], alice);
    await store.change([set("two.contoso.com", "b@contoso.com")], alice);
    const revisions = async (options: object) => (await open().history(options)).map(({ revision }) => revision);
    t.same(await revisions({ address: "sip:A@contoso.com" }), [2, 1]);
    t.same(await revisions({ upTo: 2 }), [2, 1]);
    t.same(await revisions({ limit: 1 }), [3]);
    await t.rejects(store.history({ address: "no address" }), { code: "ADDRESS_INVALID" });
  });

  behaviour("beyond its bound the history drops the oldest, and its chain still holds", async (t, open) => {
    const store = open({ history: 10 });
    await store.change([add("a@contoso.com")], alice);
    for (let i = 0; i < 15; i++) {
      await store.change([set(`pool${i}.contoso.com`)], alice);
    }
    const entries = await store.history();
    t.ok(entries.length >= 10 && entries.length <= 11, `${entries.length} entries`);
    t.equal(entries[0]?.revision, 16);
    t.match(await open().verifyHistory(), { newest: 16, faults: [] });
    await t.rejects(store.undo(2, alice), { code: "REVISION_UNKNOWN", message: /does not know revision 2/ });
    await t.rejects(store.diff(2, 16), { code: "REVISION_UNKNOWN" });
  });

  behaviour("the difference of two revisions is told in both directions, unchanged rows left out", async (t, open) => {
    const store = open();
    await store.change([add("a@contoso.com"), add("b@contoso.com")], alice);
    await store.change([set("two.contoso.com"), add("c@contoso.com")], alice);
    await store.change([set("three.contoso.com"), { kind: "remove", sipAddress: "c@contoso.com" }], alice);
    t.match(await store.diff(1, 3), [
      { before: { poolFqdn: "one.contoso.com" }, after: { poolFqdn: "three.contoso.com" } },
    ]);
    t.match(await open().diff(3, 1), [
      { before: { poolFqdn: "three.contoso.com" }, after: { poolFqdn: "one.contoso.com" } },
    ]);
    t.equal((await store.diff(0, 3)).length, 2);
    t.same(await store.diff(2, 2), []);
    await t.rejects(store.diff(1, 4), { code: "REVISION_UNKNOWN", message: /revision 4; it goes from 0 to 3/ });
  });

  behaviour("undo restores what a revision changed, as a change of its own", async (t, open) => {
    const store = open();
    await store.change([add("a@contoso.com"), add("b@contoso.com"), add("c@contoso.com")], alice);
    const before = (await store.load()).endpoints.map(({ sipAddress, poolFqdn }) => `${sipAddress} ${poolFqdn}`);
    await store.change(
      [
        { kind: "set", sipAddress: "a@contoso.com", fields: { poolFqdn: "two.contoso.com", port: 5061 } },
        { kind: "remove", sipAddress: "b@contoso.com" },
        { kind: "set", sipAddress: "c@contoso.com", fields: { sipAddress: "d@contoso.com" } },
        add("e@contoso.com"),
      ],
      alice,
    );
    t.match(await store.undo(2, bob, { dryRun: true }), { revision: 2, differences: { length: 4 } });
    const undone = await store.undo(2, bob);
    t.equal(undone.revision, 3);
    const { endpoints } = await open().load();
    t.same(new Set(endpoints.map(({ sipAddress, poolFqdn }) => `${sipAddress} ${poolFqdn}`)), new Set(before));
    t.notOk(endpoints.some(({ port }) => port !== undefined));
    t.match((await store.history({ limit: 1 }))[0], { revision: 3, undoes: 2, actor: bob });
    t.equal((await store.undo(3, bob)).revision, 4);
    t.equal((await open().load()).endpoints.length, 3);
  });

  behaviour("undo is refused with the difference when a row was changed since", async (t, open) => {
    const store = open();
    await store.change([add("a@contoso.com"), add("b@contoso.com")], alice);
    await store.change([set("two.contoso.com"), set("two.contoso.com", "b@contoso.com")], alice);
    await store.change([set("three.contoso.com")], bob);
    await t.rejects(store.undo(2, alice), {
      code: "UNDO_REFUSED",
      message:
        /a@contoso.com was changed since revision 2 by bob .*: poolFqdn is three.contoso.com, not two.contoso.com/,
    });
    t.match(await open().load(), { revision: 3 });
    await store.change([{ kind: "remove", sipAddress: "a@contoso.com" }], bob);
    await t.rejects(store.undo(3, alice), { code: "UNDO_REFUSED", message: /a@contoso.com was removed since/ });
  });

  behaviour("too large a change is refused as a whole", async (t, open) => {
    const changes = Array.from({ length: 50_001 }, (_, i) => add(`room${i}@contoso.com`));
    const store = open();
    await t.rejects(store.change(changes, alice), { code: "CHANGE_TOO_LARGE", message: /50001 endpoints/ });
    t.equal((await store.load()).revision, 0);
  });

  behaviour("each gateway's report is seen by all", async (t, open) => {
    const store = open();
    const report = async (name: string, at: string) =>
      store.reportGateway({ name, revision: 1, hash: "00", endpoints: 3, at, health: await store.health() });
    await report("gw2:5060", new Date().toISOString());
    await report("gw1/blue", new Date().toISOString());
    const [first, second, ...others] = await open().gateways();
    t.match(first, { name: "gw1/blue", live: true, revision: 1, health: { state: "ok" } });
    t.match(second, { name: "gw2:5060", live: true });
    t.same(others, []);
  });

  behaviour("addresses that an operator drained are known to all, each as it was said last", async (t, open) => {
    const drain = (place: string, reason: string) => ({ place, by: "alice", reason, at: new Date().toISOString() });
    const store = open();
    t.same(await store.drains(), []);
    await store.setDrain("10.1.2.3", drain("10.1.2.3", "patch"));
    await store.setDrain("10.1.2.2", drain("10.1.2.2", "disk"));
    await store.setDrain("10.1.2.3", drain("10.1.2.3", "disk too"));
    t.match(await open().drains(), [
      { place: "10.1.2.2", reason: "disk" },
      { place: "10.1.2.3", reason: "disk too" },
    ]);
    await open().setDrain("10.1.2.2", undefined);
    t.match(await store.drains(), [{ place: "10.1.2.3" }]);
    t.equal((await store.load()).revision, 0, "the table has nothing to do with it");
  });

  behaviour("a healthy store says so, and there is nothing to settle", async (t, open) => {
    const store = open();
    await store.change([add("a@contoso.com")], alice);
    const { state, currentAt, reason } = await store.health();
    t.equal(state, "ok");
    t.equal(reason, undefined);
    t.ok(Date.parse(currentAt!) > Date.now() - 60_000);
    await t.rejects(store.settle("accept", alice), { code: "NOTHING_TO_SETTLE" });
    await t.rejects(store.settle("restore", alice), { code: "NOTHING_TO_SETTLE" });
  });
}
