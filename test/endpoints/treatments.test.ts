import t from "tap";
import { OWN, Treatments } from "../../src/endpoints/treatments.ts";
import { row } from "./row.ts";

t.test("rows that differ in address and notes have one treatment, all others one each", async (t) => {
  const treatments = new Treatments();
  const number = treatments.take(row());
  const noted = { sipAddress: "sip:b@contoso.com", displayName: "B", version: 7, updatedBy: "bob" };
  t.equal(treatments.take(row(noted)), number);
  const others = [
    { poolFqdn: "other.contoso.com" },
    { mode: "redirect" as const },
    { redirectStatus: 303 as const },
    { transport: "tls" as const },
    { port: 5070 },
    { requestUri: "pool" as const },
    { enabled: false },
    { backupPool: "dr.contoso.com" },
    { backupPool: "undefined" },
    { failoverOn: "480" },
    { register: true as const },
    { retired: 410 as const },
    { retired: 410 as const, retiredReason: "moved" },
  ];
  const numbers = others.map((settings) => treatments.take(row(settings)));
  t.equal(new Set([OWN, number, ...numbers]).size, others.length + 2);
  t.match(treatments.at(numbers[4]!)?.settings, { poolFqdn: "pcpool.contoso.com", port: 5070 });
  t.equal(treatments.at(OWN), undefined);
});

t.test("what the routing worked out goes with the last row that has the treatment", async (t) => {
  const treatments = new Treatments();
  const number = treatments.take(row());
  treatments.take(row());
  treatments.at(number)!.plan = "plan";
  treatments.release(number);
  t.equal(treatments.at(number)?.plan, "plan");
  treatments.release(number);
  t.equal(treatments.at(number), undefined);
  t.equal(treatments.take(row({ mode: "redirect" })), number, "the number is given anew");
  t.match(treatments.at(number), { plan: undefined, settings: { mode: "redirect" } });
});

t.test("where there are too many different ones, a row is read by itself", async (t) => {
  const treatments = new Treatments();
  const numbers = new Set(Array.from({ length: 20_000 }, (_, i) => treatments.take(row({ poolFqdn: `p${i}` }))));
  t.ok(numbers.has(OWN));
  t.ok(Math.max(...numbers) <= 0xffff, "a row has two bytes for it");
});
