import t from "tap";
import { keyOf } from "../../src/endpoints/address-key.ts";
import type { Endpoint } from "../../src/endpoints/model.ts";
import { describeDifference, planChange } from "../../src/endpoints/plan-change.ts";
import type { EndpointDraft, RowChange } from "../../src/endpoints/store.ts";
import { row } from "./row.ts";

const AT = "2025-02-01T08:00:00.000Z";

function plan(stored: readonly Endpoint[], ...changes: RowChange[]) {
  const rows = new Map(stored.map((endpoint) => [keyOf(endpoint), endpoint]));
  return planChange(changes, {
    find: (key) => rows.get(key),
    isSelf: (host, port) => host === "gw.contoso.com" && (port === undefined || port === 5060),
    actor: { name: "bob", source: "cli" },
    at: AT,
  });
}

function add(settings: Record<string, unknown>): RowChange {
  const draft = { sipAddress: "ocschat@contoso.com", poolFqdn: "pcpool.contoso.com", ...settings };
  return { kind: "add", endpoint: draft as unknown as EndpointDraft };
}

t.test("a new row gets every default, version 1 and its maker", async (t) => {
  const [difference] = plan([], add({}));
  t.same(difference, { after: row({ createdAt: AT, updatedAt: AT, createdBy: "bob", updatedBy: "bob" }) });
});

t.test("an address that differs only in case or scheme is taken", async (t) => {
  for (const sipAddress of ["sip:OCSChat@CONTOSO.com", "sips:ocschat@contoso.com", "%6Fcschat@contoso.com"]) {
    t.throws(() => plan([row()], add({ sipAddress })), {
      code: "ADDRESS_TAKEN",
      message: /sip:ocschat@contoso.com already; it leads to pcpool.contoso.com/,
    });
  }
});

t.test("an IP literal may stand for the pool, for labs without DNS", async (t) => {
  for (const [given, kept] of [
    ["192.0.2.1", "192.0.2.1"],
    ["2001:db8::1", "2001:db8::1"],
    ["[2001:db8::1]", "2001:db8::1"],
  ] as const) {
    t.equal(plan([], add({ poolFqdn: given }))[0]?.after?.poolFqdn, kept);
  }
});

t.test("the answers after which to go on are kept in one spelling", async (t) => {
  for (const given of ["480, 404", "404 480 404", [480, 404]]) {
    t.equal(plan([], add({ failoverOn: given }))[0]?.after?.failoverOn, "404,480", JSON.stringify(given));
  }
  t.equal(plan([], add({ failoverOn: 404 }))[0]?.after?.failoverOn, "404");
  t.notHas(plan([], add({ failoverOn: "" }))[0]?.after, { failoverOn: "" });
});

const REFUSED: readonly (readonly [settings: Record<string, unknown>, code: string, says: RegExp])[] = [
  [{ poolFqdn: "pcpool" }, "POOL_INVALID", /pool "pcpool" has no dot/],
  [{ poolFqdn: "pc_pool.contoso.com" }, "POOL_INVALID", /contains "_"/],
  [{ poolFqdn: "pcpool.contoso.com." }, "POOL_INVALID", /empty label/],
  [{ poolFqdn: "pcpool.contoso.com:5061" }, "POOL_INVALID", /contains ":"/],
  [{ poolFqdn: "1.2.3.300" }, "POOL_INVALID", /last label/],
  [{ poolFqdn: "fe80::1%eth0" }, "POOL_INVALID", /contains ":"/],
  [{ poolFqdn: `${"a.".repeat(127)}com` }, "POOL_INVALID", /has 257 characters, at most 253/],
  [{ backupPool: "x" }, "POOL_INVALID", /pool "x" has no dot/],
  [{ sipAddress: "ocschat" }, "ADDRESS_INVALID", /the user is missing/],
  [{ port: 0 }, "SETTING_INVALID", /port must be a whole number from 1 to 65535, not 0/],
  [{ port: 65536 }, "SETTING_INVALID", /not 65536/],
  [{ port: "5061" }, "SETTING_INVALID", /not "5061"/],
  [{ failoverOn: "404,302" }, "SETTING_INVALID", /failoverOn must be answers from 400 to 599, .* not "404,302"/],
  [{ failoverOn: [600] }, "SETTING_INVALID", /failoverOn must be answers from 400 to 599/],
  [{ mode: "redirct" }, "SETTING_INVALID", /mode must be proxy or redirect, not "redirct"; did you mean redirect\?/],
  [{ redirectStatus: 301 }, "SETTING_INVALID", /redirectStatus must be 302 or 303, not 301/],
  [{ transport: "sctp" }, "SETTING_INVALID", /transport must be auto, tls, tcp or udp/],
  [{ enabled: "yes" }, "SETTING_INVALID", /enabled must be true or false/],
  [{ displayName: "a\r\nb" }, "SETTING_INVALID", /control character/],
  [{ poolFqnd: "x.y" }, "SETTING_INVALID", /unknown setting poolFqnd; did you mean poolFqdn\?/],
  [{ version: 7 }, "SETTING_INVALID", /unknown setting version; allowed are sipAddress, /],
  [{ poolFqdn: "gw.contoso.com" }, "POOL_IS_SELF", /poolFqdn gw.contoso.com is this gateway itself/],
  [{ poolFqdn: "gw.contoso.com", port: 5060 }, "POOL_IS_SELF", /with port 5060 is this gateway itself/],
  [{ backupPool: "gw.contoso.com" }, "POOL_IS_SELF", /backupPool gw.contoso.com is this gateway itself/],
];

t.test("a wrong setting is refused with its name and what is allowed", async (t) => {
  for (const [settings, code, says] of REFUSED) {
    t.throws(() => plan([], add(settings)), { code, message: says }, JSON.stringify(settings).slice(0, 80));
  }
});

t.test("our own name with a port of somebody else's is no gateway of ours", async (t) => {
  t.equal(plan([], add({ poolFqdn: "gw.contoso.com", port: 5090 })).length, 1);
});

t.test("every wrong setting of a row is reported at once", async (t) => {
  t.throws(() => plan([], add({ poolFqdn: "x", port: 0, mode: "no" })), { message: /pool "x".*mode must.*port must/ });
});

t.test("a changed row keeps its origin, counts its version up and names who changed it", async (t) => {
  const [difference] = plan([row()], { kind: "set", sipAddress: "OCSCHAT@contoso.com", fields: { port: 5061 } });
  t.same(difference, { before: row(), after: row({ port: 5061, version: 2, updatedAt: AT, updatedBy: "bob" }) });
});

t.test("undefined removes an optional setting and resets another to its default", async (t) => {
  const stored = row({ port: 5061, mode: "redirect" });
  const fields = { port: undefined, mode: undefined };
  const after = plan([stored], { kind: "set", sipAddress: stored.sipAddress, fields })[0]?.after;
  t.notOk(after && "port" in after);
  t.equal(after?.mode, "proxy");
});

t.test("a change to what is there already is no change", async (t) => {
  const set: RowChange = { kind: "set", sipAddress: "ocschat@contoso.com", fields: { mode: "proxy" } };
  t.same(plan([row()], set), []);
});

t.test("a row may get another address, unless that one is taken", async (t) => {
  const other = row({ sipAddress: "sip:other@contoso.com" });
  const rename = (sipAddress: string): RowChange => ({
    kind: "set",
    sipAddress: "ocschat@contoso.com",
    fields: { sipAddress },
  });
  t.equal(plan([row(), other], rename("third@contoso.com"))[0]?.after?.sipAddress, "sip:third@contoso.com");
  t.equal(plan([row(), other], rename("OCSChat@contoso.com"))[0]?.after?.sipAddress, "sip:OCSChat@contoso.com");
  t.throws(() => plan([row(), other], rename("Other@contoso.com")), { code: "ADDRESS_TAKEN" });
});

t.test("an unknown address can be neither changed nor removed", async (t) => {
  t.throws(() => plan([], { kind: "set", sipAddress: "a@b.c", fields: {} }), { code: "ENDPOINT_UNKNOWN" });
  t.throws(() => plan([], { kind: "remove", sipAddress: "a@b.c" }), { code: "ENDPOINT_UNKNOWN", message: /sip:a@b.c/ });
});

t.test("a row that changed meanwhile is left alone; the error tells who, when and how it differs", async (t) => {
  const stored = row({ version: 5, updatedBy: "carol", poolFqdn: "new.contoso.com" });
  const set: RowChange = {
    kind: "set",
    sipAddress: "ocschat@contoso.com",
    fields: { poolFqdn: "mine.contoso.com" },
    expectedVersion: 4,
  };
  t.throws(() => plan([stored], set), {
    code: "CHANGED_MEANWHILE",
    message:
      /by carol at 2025-01-31T12:00:00.000Z and has version 5, not 4: poolFqdn is new.contoso.com, you wanted mine/,
  });
  t.throws(() => plan([stored], { kind: "remove", sipAddress: "ocschat@contoso.com", expectedVersion: 4 }), {
    code: "CHANGED_MEANWHILE",
    message: /carol/,
  });
});

t.test("later changes of a list see the earlier ones, and one difference tells the sum", async (t) => {
  const set = (fields: Partial<EndpointDraft>): RowChange => ({ kind: "set", sipAddress: "a@contoso.com", fields });
  const differences = plan([], add({ sipAddress: "a@contoso.com" }), set({ port: 1 }), set({ port: 2 }));
  t.equal(differences.length, 1);
  t.match(differences[0], { before: undefined, after: { port: 2 } });
});

t.test("a row that is added and removed in one list leaves nothing", async (t) => {
  t.same(plan([], add({}), { kind: "remove", sipAddress: "ocschat@contoso.com" }), []);
});

t.test("a row can be removed and made anew in one list", async (t) => {
  const differences = plan([row({ version: 9 })], { kind: "remove", sipAddress: "ocschat@contoso.com" }, add({}));
  t.match(differences, [{ before: { version: 9 } }, { after: { version: 1 } }]);
});

t.test("one impossible change of a list stops all of it and is named", async (t) => {
  t.throws(() => plan([], add({}), add({})), { code: "ADDRESS_TAKEN", message: /^change 2 of 2: / });
});

t.test("a difference reads as one line", async (t) => {
  t.equal(describeDifference({ after: row() }), "sip:ocschat@contoso.com -> pcpool.contoso.com added");
  t.equal(describeDifference({ before: row() }), "sip:ocschat@contoso.com -> pcpool.contoso.com removed");
  t.equal(
    describeDifference({ before: row(), after: row({ port: 5061, mode: "redirect" }) }),
    "mode: proxy -> redirect, port: (none) -> 5061",
  );
});
