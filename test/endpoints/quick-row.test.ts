import t from "tap";
import { isPlainRow } from "../../src/endpoints/quick-row.ts";
import { checkStoredRow, makeRow } from "../../src/endpoints/row-schema.ts";
import { row } from "./row.ts";

t.test("an ordinary row needs no second look", async (t) => {
  t.ok(isPlainRow(row()));
  t.ok(isPlainRow(row({ sipAddress: "sip:Room_1-a.b@eu.contoso.com", port: 5061, backupPool: "b.contoso.com" })));
});

/** Values for each field: right ones, wrong ones, and such that the schema changes. */
const VALUES: Readonly<Record<string, readonly unknown[]>> = {
  sipAddress: [
    "sip:a@b.c",
    "SIP:a@b.c",
    "a@b.c",
    "sip:a@b.1",
    "sip:a@b..c",
    "sip:a@.b",
    "sip:a@b.",
    "sip:@b.c",
    "sip:a b@b.c",
    "sip:a%20@b.c",
    "sip:a@b_c.d",
    "sips:a@b.c",
    "sip:a@10.0.0.1",
    `sip:a@${"x".repeat(64)}.c`,
    "",
    1,
    null,
  ],
  poolFqdn: [
    "p.contoso.com",
    " p.contoso.com ",
    "p",
    "p.1",
    "10.0.0.1",
    "[::1]",
    "p..c",
    "-p.c",
    "p-1.c",
    "p.c.",
    ".p.c",
    "",
    3,
  ],
  mode: ["proxy", "redirect", "Proxy", ""],
  redirectStatus: [302, 303, 301, "302"],
  transport: ["auto", "tls", "tcp", "udp", "ws"],
  port: [1, 65535, 0, 65536, 1.5, "5060", undefined],
  requestUri: ["keep", "pool", "x"],
  enabled: [true, false, "true", 1],
  backupPool: ["b.contoso.com", "b", undefined],
  version: [1, 0, 1.5, 2 ** 53, "1"],
  createdAt: [
    "2025-01-31T12:00:00.000Z",
    "2025-02-28T12:00:00.000Z",
    "2025-02-30T12:00:00.000Z",
    "2025-13-01T12:00:00.000Z",
    "2025-01-31",
    "2025-01-31T24:00:00.000Z",
    5,
  ],
  createdBy: ["alice", "", 5, null],
  displayName: ["Room", " ", "a\u0000"],
  retired: [410, 404, 411],
  nonsense: [1],
};

t.test("what passes quickly passes the schema too, and comes out of it as it is", async (t) => {
  let quick = 0;
  for (const [field, values] of Object.entries(VALUES)) {
    for (const value of values) {
      const given = { ...row(), [field]: value };
      if (value === undefined) delete given[field as never];
      if (!isPlainRow(given)) continue;
      quick++;
      const checked = checkStoredRow({ ...given, retiredReason: "makes it take the long way" }, () => false);
      if (Array.isArray(checked)) {
        t.fail(`${field} ${JSON.stringify(value)} is refused by the schema: ${checked[0]?.text}`);
        continue;
      }
      const { retiredReason: _reason, ...settings } = checked;
      t.same(makeRow(settings as never, given as never), given, `${field} ${JSON.stringify(value)}`);
    }
  }
  t.ok(quick > 20, `${quick} rows passed quickly`);
});

t.test("a row that lacks something takes the long way", async (t) => {
  for (const field of Object.keys(row())) {
    const { [field as "mode"]: _absent, ...rest } = row();
    t.notOk(isPlainRow(rest), `without ${field}`);
  }
  t.notOk(isPlainRow({ ...row(), __proto__: null, toString: 1 }));
  t.notOk(isPlainRow(null));
  t.notOk(isPlainRow([]));
});
