import t from "tap";
import type { Endpoint } from "../../src/endpoints/model.ts";
import type { TableSnapshot } from "../../src/endpoints/store.ts";
import { EndpointTable } from "../../src/endpoints/table.ts";
import { hashOf } from "../../src/endpoints/table-hash.ts";
import { row } from "./row.ts";

const a = row({ sipAddress: "sip:A@contoso.com" });
const b = row({ sipAddress: "sip:b@contoso.com" });

function snapshot(revision: number, endpoints: Endpoint[]): TableSnapshot {
  return { revision, endpoints, hash: hashOf(endpoints) };
}

function addresses(table: EndpointTable): string[] {
  return [...table.all()].map((endpoint: Endpoint) => endpoint.sipAddress);
}

t.test("a row is found by its key, whatever the case of its address", async (t) => {
  const table = new EndpointTable(snapshot(3, [a, b]));
  t.same(table.find("a@contoso.com"), a);
  t.equal(table.find("c@contoso.com"), undefined);
  t.equal(table.size, 2);
  t.equal(table.revision, 3);
});

t.test("a new snapshot replaces the rows and the revision", async (t) => {
  const table = new EndpointTable(snapshot(3, [a]));
  table.replace(snapshot(4, [b]));
  t.same(addresses(table), ["sip:b@contoso.com"]);
  t.equal(table.revision, 4);
});

t.test("a change adds, replaces and removes rows in one step", async (t) => {
  const table = new EndpointTable(snapshot(1, [a, b]));
  const changed = { ...a, poolFqdn: "other.contoso.com", version: 2 };
  const added = row({ sipAddress: "sip:c@contoso.com" });
  table.apply([{ before: a, after: changed }, { before: b }, { after: added }], 2);
  t.same(new Set(table.all()), new Set([changed, added]));
  t.equal(table.size, 2);
  t.equal(table.revision, 2);
});

t.test("a row whose address changes is found under the new one only", async (t) => {
  const table = new EndpointTable(snapshot(1, [a]));
  const renamed = { ...a, sipAddress: "sip:z@contoso.com" };
  table.apply([{ before: a, after: renamed }], 2);
  t.equal(table.find("a@contoso.com"), undefined);
  t.same(table.find("z@contoso.com"), renamed);
});

t.test("two rows may exchange their addresses in one change", async (t) => {
  const table = new EndpointTable(snapshot(1, [a, b]));
  const aNow = { ...a, sipAddress: b.sipAddress };
  const bNow = { ...b, sipAddress: a.sipAddress };
  table.apply(
    [
      { before: a, after: aNow },
      { before: b, after: bNow },
    ],
    2,
  );
  t.same(table.find("a@contoso.com"), bNow);
  t.same(table.find("b@contoso.com"), aNow);
});

t.test("the hash follows every change and tells the rows, not their order", async (t) => {
  const table = new EndpointTable(snapshot(1, [a, b]));
  const changed = { ...a, poolFqdn: "other.contoso.com", version: 2 };
  const added = row({ sipAddress: "sip:c@contoso.com" });
  table.apply([{ before: a, after: changed }, { before: b }, { after: added }], 2);
  t.equal(table.hash, hashOf([added, changed]));
  t.not(table.hash, hashOf([added, a]));
  table.apply([{ before: changed }, { before: added }], 3);
  t.equal(table.hash, hashOf([]));
});

t.test("rows that are answered in the same way share what the routing worked out for them", async (t) => {
  const table = new EndpointTable(snapshot(1, [a, b]));
  table.findForCall("a@contoso.com")!.treatment.plan = "plan of both";
  t.match(table.findForCall("b@contoso.com"), { sipAddress: b.sipAddress, treatment: { plan: "plan of both" } });
  table.apply([{ before: b, after: { ...b, poolFqdn: "other.contoso.com" } }], 2);
  t.equal(table.findForCall("a@contoso.com")!.treatment.plan, "plan of both");
  t.match(table.findForCall("b@contoso.com")!.treatment, {
    plan: undefined,
    settings: { poolFqdn: "other.contoso.com" },
  });
});

t.test("a whole table takes the place of another one in one step", async (t) => {
  const table = new EndpointTable(snapshot(1, [a]));
  table.find("a@contoso.com");
  const other = new EndpointTable(snapshot(2, [b]));
  table.takeOver(other);
  t.equal(table.find("a@contoso.com"), undefined);
  t.same(table.find("b@contoso.com"), b);
  t.match(table, { revision: 2, size: 1, hash: hashOf([b]) });
});
