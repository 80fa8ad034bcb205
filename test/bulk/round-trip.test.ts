import t from "tap";
import { BULK_FORMATS } from "../../src/endpoints/bulk/source.ts";
import type { Endpoint } from "../../src/endpoints/model.ts";
import { SETTING_NAMES } from "../../src/endpoints/row-schema.ts";
import { row } from "../endpoints/row.ts";
import { exported, importing } from "./import.ts";

const FULL: Required<Endpoint> = {
  ...row(),
  displayName: ' Räume, "alt"; =1+1 #\\ ',
  mode: "redirect",
  redirectStatus: 303,
  transport: "tls",
  port: 5061,
  requestUri: "pool",
  enabled: false,
  backupPool: "dr.contoso.com",
  failoverOn: "404,480",
  register: true,
  retired: 410,
  retiredReason: "yes",
};
const TABLE = [
  FULL,
  row({ sipAddress: "sips:It's%20me@contoso.com", poolFqdn: "2001:db8::1", displayName: "null" }),
  row({ sipAddress: "sip:plain@contoso.com" }),
];

t.test("the rows of this test have every setting there is", async (t) => {
  t.same(
    Object.keys(FULL)
      .filter((name) => (SETTING_NAMES as string[]).includes(name))
      .sort(),
    [...SETTING_NAMES].sort(),
  );
});

for (const format of BULK_FORMATS) {
  t.test(`an export as ${format} imported again changes nothing, and makes the same table out of none`, async (t) => {
    const text = await exported(TABLE, format);
    t.match(await importing(text, { table: TABLE, format, replace: true }), { changes: { length: 0 }, unchanged: 3 });
    t.match(await importing(text, { table: TABLE, file: "-", replace: true }), { changes: { length: 0 } });
    const made = (await importing(text, { format })).changes.map((change) =>
      change.kind === "add" ? change.endpoint : {},
    );
    const again = made.map((draft) => row(draft as Endpoint));
    t.same(await exported(again, format), text);
  });

  t.test(`an empty table as ${format}`, async (t) => {
    t.same((await importing(await exported([], format), { format })).changes, []);
  });
}
