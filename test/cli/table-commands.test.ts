import { readFile } from "node:fs/promises";
import { join } from "node:path";
import t from "tap";
import { FileStore } from "../../src/endpoints/file-store.ts";
import type { GatewayReport } from "../../src/endpoints/store.ts";
import { Place } from "./place.ts";

const rows = (text: string) => text.split("\n").flatMap((line) => (line ? [JSON.parse(line)] : []));

/** A place whose table has seen three changes. */
async function storied(t: Parameters<typeof Place.make>[0]): Promise<Place> {
  const place = await Place.make(t);
  await place.waypost(["endpoint", "add", "ocschat@contoso.com", "old.contoso.com", "--reason", "CHG-1"]);
  await place.waypost(["endpoint", "add", "b@contoso.com", "b.contoso.com"]);
  await place.waypost(["endpoint", "set", "ocschat@contoso.com", "--pool", "new.contoso.com", "--reason", "CHG-2"]);
  return place;
}

async function report(place: Place, name: string, revision: number, more: Partial<GatewayReport> = {}): Promise<void> {
  const store = new FileStore({ path: join(place.directory, "endpoints.json") });
  const { hash, endpoints } = await store.load();
  const at = new Date().toISOString();
  const health = await store.health();
  await store.reportGateway({ name, revision, hash, endpoints: endpoints.length, health, at, ...more });
  await store.close();
}

t.test("history tells who changed what, when and why, the newest first", async (t) => {
  const place = await storied(t);
  const { out, err, status } = await place.waypost(["history"]);
  t.strictSame({ err, status }, { err: "", status: 0 });
  t.match(out, /^revision 3 {2}\d{4}-\d\d-\d\dT\S+Z {2}alice \(cli\): CHG-2\n {2}changed sip:ocschat@contoso\.com\n/);
  t.match(out, "    poolFqdn: old.contoso.com -> new.contoso.com\n");
  t.ok(out.indexOf("revision 3") < out.indexOf("revision 1"));
});

t.test("history of one address, in any spelling, as JSON, and no more than --limit", async (t) => {
  const place = await storied(t);
  const { out } = await place.waypost(["history", "OCSChat@contoso.com", "--json"]);
  t.match(rows(out), [
    { revision: 3, actor: { name: "alice", source: "cli", reason: "CHG-2" }, differences: [{}] },
    { revision: 1 },
  ]);
  const limited = await place.waypost(["history", "--limit", "1", "--json"]);
  t.match(rows(limited.out), [{ revision: 3 }]);
  t.equal(rows(limited.out).length, 1);
  t.match(limited.err, /older changes; --limit/);
  t.match(await place.waypost(["history", "nobody@contoso.com"]), { out: "", err: /No change of nobody@/, status: 0 });
});

t.test("history --verify finds a history that was altered", async (t) => {
  const place = await storied(t);
  t.match(await place.waypost(["history", "--verify"]), { status: 0, out: /unbroken: 3 changes, revisions 1 to 3/ });
  t.match(rows((await place.waypost(["history", "--verify", "--json"])).out), [{ entries: 3, faults: [] }]);
  const text = await readFile(join(place.directory, "endpoints.json.history"), "utf8");
  await place.write("endpoints.json.history", text.replace("CHG-1", "CHG-9"));
  const { err, status } = await place.waypost(["history", "--verify"]);
  t.equal(status, 1);
  t.match(err, /revision 1/);
});

t.test("diff shows what turns one revision into another, in both directions", async (t) => {
  const place = await storied(t);
  t.match(await place.waypost(["diff", "2", "3"]), {
    status: 0,
    out: /^changed sip:ocschat@contoso\.com\n {2}poolFqdn: old\.contoso\.com -> new\.contoso\.com\n$/,
  });
  t.match((await place.waypost(["diff", "3", "1"])).out, /removed sip:b@contoso\.com/);
  t.match(rows((await place.waypost(["diff", "2", "3", "--json"])).out), [{ before: {}, after: {} }]);
  t.match(await place.waypost(["diff", "3", "3"]), { out: "", err: /are the same/, status: 0 });
  t.match(await place.waypost(["diff", "x", "3"]), { status: 1, err: /a revision takes a whole number/ });
  t.match(await place.waypost(["diff", "1", "99"]), { status: 1, err: /99/ });
});

t.test("undo takes one revision back, says so in the history, and can itself be undone", async (t) => {
  const place = await storied(t);
  const before = await place.table();
  t.match((await place.waypost(["undo", "3", "--dry-run"])).out, /^would change sip:ocschat@contoso\.com/);
  t.equal(await place.table(), before);
  t.match(await place.waypost(["undo", "3", "--reason", "wrong pool"]), {
    status: 0,
    out: /poolFqdn: new\.contoso\.com -> old\.contoso\.com/,
    err: /Revision 3 is taken back/,
  });
  t.match((await place.waypost(["history", "--limit", "1"])).out, /: wrong pool, takes back revision 3\n/);
  t.match((await place.waypost(["undo", "4"])).out, /old\.contoso\.com -> new\.contoso\.com/);
  t.match(await place.waypost(["undo", "1"]), { status: 1, err: /later revisions first|changed since/ });
});

t.test("status shows store, table and gateways; exit status 1 when one is behind", async (t) => {
  const place = await storied(t);
  t.match(await place.waypost(["status"]), {
    status: 0,
    out: /^store {5}file .*endpoints\.json: ok\ntable {5}revision 3, 2 endpoints, hash [0-9a-f]{32}\ngateways {2}none/,
  });
  await report(place, "gw1", 3);
  await report(place, "gw3", 1, { at: new Date(Date.now() - 60_000).toISOString() });
  const good = await place.waypost(["status"]);
  t.equal(good.status, 0, "a gateway that is gone is shown, and no fault of the table");
  t.match(good.out, /^GATEWAY +STATE +REVISION/m);
  t.match(good.out, /^gw1 +current +3 +2 /m);
  t.match(good.out, /^gw3 +silent +1 /m);
  await report(place, "gw2", 2, { hash: "0".repeat(32) });
  t.match(await place.waypost(["status"]), { status: 1, out: /^gw2 +behind +2 /m });
  t.match(rows((await place.waypost(["status", "--json"])).out), [
    { ok: false, revision: 3, endpoints: 2, store: { kind: "file", state: "ok" }, gateways: [{}, {}, {}] },
  ]);
});

t.test("--wait returns when every live gateway runs the change, and names those that do not", async (t) => {
  const place = await storied(t);
  const set = (port: string, ...more: string[]) =>
    place.waypost(["endpoint", "set", "b@contoso.com", "--port", port, ...more]);
  t.match(await set("5061", "--wait=1"), { status: 2, err: /revision 4 is stored.*no gateway is running/ });
  await report(place, "gw1", 4);
  const waiting = set("5062", "--wait");
  const store = new FileStore({ path: join(place.directory, "endpoints.json") });
  while ((await store.load()).revision < 5) await new Promise((resolve) => setTimeout(resolve, 5));
  await store.close();
  await report(place, "gw1", 5);
  t.match(await waiting, { status: 0, err: /revision 5 is in force on gw1\n$/ });
  await report(place, "gw2", 5);
  const { err, status, out } = await set("5063", "--wait=1");
  t.equal(status, 2);
  t.match(out, "changed sip:b@contoso.com (revision 6)");
  t.match(err, /not in force everywhere: gw1 runs revision 5; gw2 runs revision 5\./);
  t.match(err, /`waypost status`/);
  t.match(await place.waypost(["endpoint", "set", "b@contoso.com", "--no-port", "--wait=x"]), { status: 1 });
  const words = ["b@contoso.com", "-Port", "5070", "-Wait", "-Timeout", "1"];
  t.match(await place.cmdlet("Set-CsPersistentChatEndpoint", words), { status: 2, err: /NOT_IN_FORCE,Set-Cs/ });
});

t.test("a retired endpoint stays in the table and can be brought back", async (t) => {
  const place = await storied(t);
  const retire = ["endpoint", "retire", "ocschat@contoso.com", "b@contoso.com", "--tell", "See Teams"];
  t.match((await place.waypost([...retire, "--status", "404"])).out, "  retiredReason: (none) -> See Teams\n");
  t.match((await place.waypost(["endpoint", "list"])).out, /^sip:b@contoso\.com .* retired 404 /m);
  t.match(await place.waypost(["endpoint", "retire", "b@contoso.com", "--status", "500"]), {
    status: 1,
    err: /410 or 404/,
  });
  const back = await place.waypost(["endpoint", "set", "b@contoso.com", "--no-retired", "--json"]);
  t.notHas(rows(back.out)[0].after, { retired: 404 });
  t.notHas(rows(back.out)[0].after, { retiredReason: "See Teams" });
  const shown = (await place.cmdlet("Get-CsPersistentChatEndpoint", ["ocschat@contoso.com"])).out;
  t.match(JSON.parse(shown), { Retired: 404, RetiredReason: "See Teams" });
});
