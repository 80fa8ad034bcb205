import { setImmediate } from "node:timers/promises";
import t from "tap";
import { EndpointTable } from "../../src/endpoints/table.ts";
import { tableFollower } from "../../src/table-followers.ts";
import { row } from "./row.ts";

t.test("steady changes of a large table keep nobody from learning what the rows are", async (t) => {
  const table = new EndpointTable();
  const registering = (name: string) => row({ sipAddress: `sip:${name}@contoso.com`, register: true });
  for (let i = 0; i < 3000; i++) table.set(registering(`room${i}`));
  const told: (readonly string[])[] = [];
  const follow = tableFollower(table, { keepRegistered: (addresses) => told.push(addresses) });
  let edits = 0;
  let last = follow();
  // A change at every turn of the event loop, for longer than it takes to go through the table.
  while (told.length < 2 && edits < 1000) {
    table.set(registering(`edit${edits++}`));
    last = follow();
    await setImmediate();
  }
  t.ok(told.length >= 2, `told ${told.length} times during ${edits} changes`);
  await last;
  t.equal(told.at(-1)?.length, 3000 + edits, "the last change of all is seen");
});

t.test("changes while a table is gone through make it be gone through once more, not once for each", async (t) => {
  const table = new EndpointTable();
  for (let i = 0; i < 1000; i++) table.set(row({ sipAddress: `sip:room${i}@contoso.com`, register: true }));
  let times = 0;
  const follow = tableFollower(table, { keepRegistered: () => times++ });
  const first = follow();
  for (let i = 0; i < 20; i++) follow();
  await first;
  t.equal(times, 2);
});

t.test("the pools of a table are told without a look at each row, and each time as the rows are now", async (t) => {
  const rows = Array.from({ length: 1000 }, (_, i) =>
    row({ sipAddress: `sip:room${i}@contoso.com`, poolFqdn: `pool${i % 2}.contoso.com` }),
  );
  const last = row({ sipAddress: "sip:last@contoso.com", poolFqdn: "last.contoso.com" });
  const table = new EndpointTable({ revision: 1, endpoints: [...rows, last] });
  const all = t.capture(table, "all", table.all);
  let pools: string[] = [];
  const follow = tableFollower(table, { watchPools: (uris) => (pools = [...uris].sort()) });
  await follow();
  t.same(pools, ["sip:last.contoso.com", "sip:pool0.contoso.com", "sip:pool1.contoso.com"]);
  table.apply([{ before: last }], 2);
  await follow();
  t.same(pools, ["sip:pool0.contoso.com", "sip:pool1.contoso.com"]);
  t.same(all(), []);
  // JSON writes this address with a backslash, and such a row is always read by itself.
  table.set(row({ sipAddress: 'sip:"x"@contoso.com', poolFqdn: "quoted.contoso.com" }));
  await follow();
  t.same(pools, ["sip:pool0.contoso.com", "sip:pool1.contoso.com", "sip:quoted.contoso.com"]);
  t.equal(all().length, 1);
});
