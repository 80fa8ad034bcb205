import t from "tap";
import type { Endpoint } from "../../src/endpoints/model.ts";
import { EndpointTable } from "../../src/endpoints/table.ts";
import { row } from "./row.ts";

const a = row({ sipAddress: "sip:A@contoso.com" });
const b = row({ sipAddress: "sip:b@contoso.com" });

function addresses(table: EndpointTable): string[] {
  return [...table.all()].map((endpoint: Endpoint) => endpoint.sipAddress);
}

t.test("a row is found by its key, whatever the case of its address", async (t) => {
  const table = new EndpointTable({ revision: 3, endpoints: [a, b] });
  t.equal(table.find("a@contoso.com"), a);
  t.equal(table.find("c@contoso.com"), undefined);
  t.equal(table.size, 2);
  t.equal(table.revision, 3);
});

t.test("a new snapshot replaces the rows and the revision", async (t) => {
  const table = new EndpointTable({ revision: 3, endpoints: [a] });
  table.replace({ revision: 4, endpoints: [b] });
  t.same(addresses(table), ["sip:b@contoso.com"]);
  t.equal(table.revision, 4);
});

t.test("a row that a new snapshot leaves unchanged keeps its plan, a changed one loses it", async (t) => {
  const table = new EndpointTable({ revision: 1, endpoints: [a, b] });
  table.entry("a@contoso.com")!.plan = "plan of a";
  table.entry("b@contoso.com")!.plan = "plan of b";
  table.replace({ revision: 2, endpoints: [a, { ...b, poolFqdn: "other.contoso.com" }] });
  t.equal(table.entry("a@contoso.com")!.plan, "plan of a");
  t.equal(table.entry("b@contoso.com")!.plan, undefined);
});

t.test("a change adds, replaces and removes rows in one step", async (t) => {
  const table = new EndpointTable({ revision: 1, endpoints: [a, b] });
  const changed = { ...a, poolFqdn: "other.contoso.com", version: 2 };
  const added = row({ sipAddress: "sip:c@contoso.com" });
  table.apply([{ before: a, after: changed }, { before: b }, { after: added }], 2);
  t.same([...table.all()], [changed, added]);
  t.equal(table.revision, 2);
});

t.test("a row whose address changes is found under the new one only", async (t) => {
  const table = new EndpointTable({ revision: 1, endpoints: [a] });
  const renamed = { ...a, sipAddress: "sip:z@contoso.com" };
  table.apply([{ before: a, after: renamed }], 2);
  t.equal(table.find("a@contoso.com"), undefined);
  t.equal(table.find("z@contoso.com"), renamed);
});

t.test("two rows may exchange their addresses in one change", async (t) => {
  const table = new EndpointTable({ revision: 1, endpoints: [a, b] });
  const aNow = { ...a, sipAddress: b.sipAddress };
  const bNow = { ...b, sipAddress: a.sipAddress };
  table.apply(
    [
      { before: a, after: aNow },
      { before: b, after: bNow },
    ],
    2,
  );
  t.equal(table.find("a@contoso.com"), bNow);
  t.equal(table.find("b@contoso.com"), aNow);
});
