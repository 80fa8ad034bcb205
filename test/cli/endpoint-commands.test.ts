import t from "tap";
import { Place } from "./place.ts";

const rows = (text: string) => text.split("\n").flatMap((line) => (line ? [JSON.parse(line)] : []));

async function stocked(t: Parameters<typeof Place.make>[0]): Promise<Place> {
  const place = await Place.make(t);
  await place.waypost(["endpoint", "add", "ocschat@contoso.com", "pcpool.contoso.com", "--display-name", "Chat rooms"]);
  await place.waypost([
    "endpoint",
    "add",
    "sip:r@contoso.com",
    "p2.contoso.com",
    "--mode",
    "redirect",
    "--port",
    "5061",
  ]);
  return place;
}

t.test("add tells what was made, with its settings", async (t) => {
  const place = await Place.make(t);
  const { out, err, status } = await place.waypost(["endpoint", "add", "ocschat@contoso.com", "pcpool.contoso.com"]);
  t.strictSame({ err, status }, { err: "", status: 0 });
  t.match(out, /^added sip:ocschat@contoso\.com \(revision \d+\)\n/);
  t.match(out, "  poolFqdn: pcpool.contoso.com\n");
});

t.test("add takes every setting", async (t) => {
  const place = await Place.make(t);
  const settings = "--mode redirect --redirect-status 303 --transport tls --port 5061 --request-uri pool --disabled";
  const words = ["endpoint", "add", "a@contoso.com", "p.contoso.com", "--backup-pool", "b.contoso.com", "--json"];
  const { out, status } = await place.waypost([...words, ...settings.split(" ")]);
  t.equal(status, 0);
  t.match(rows(out), [
    {
      dryRun: false,
      after: {
        sipAddress: "sip:a@contoso.com",
        mode: "redirect",
        redirectStatus: 303,
        transport: "tls",
        port: 5061,
        requestUri: "pool",
        enabled: false,
        backupPool: "b.contoso.com",
        createdBy: "alice",
      },
    },
  ]);
});

t.test("list is an aligned table", async (t) => {
  const place = await stocked(t);
  const { out } = await place.waypost(["endpoint", "list"]);
  t.equal(
    out,
    [
      "ADDRESS                  POOL                MODE          TRANSPORT  STATE   VERSION  NAME",
      "sip:ocschat@contoso.com  pcpool.contoso.com  proxy         auto       active  1        Chat rooms",
      "sip:r@contoso.com        p2.contoso.com      redirect 302  auto 5061  active  1",
      "",
    ].join("\n"),
  );
});

t.test("list --json and --pool", async (t) => {
  const place = await stocked(t);
  t.match(rows((await place.waypost(["endpoint", "list", "--json"])).out), [
    { sipAddress: "sip:ocschat@contoso.com", displayName: "Chat rooms" },
    { sipAddress: "sip:r@contoso.com", port: 5061 },
  ]);
  const { out } = await place.waypost(["endpoint", "list", "--json", "--pool", "P2.contoso.com"]);
  t.match(rows(out), [{ sipAddress: "sip:r@contoso.com" }]);
  t.equal(rows(out).length, 1);
});

t.test("an empty table is told on standard error", async (t) => {
  const place = await Place.make(t);
  t.match(await place.waypost(["endpoint", "list"]), { out: "", err: /No endpoints.*waypost endpoint add/, status: 0 });
});

t.test("show prints all of one endpoint, found by address or name", async (t) => {
  const place = await stocked(t);
  t.match((await place.waypost(["endpoint", "show", "OCSChat@contoso.com"])).out, /^sipAddress +: sip:ocschat@contoso/);
  t.match(rows((await place.waypost(["endpoint", "show", "chat rooms", "--json"])).out), [{ version: 1 }]);
});

t.test("set changes what is named and takes away what --no- names", async (t) => {
  const place = await stocked(t);
  const set = ["endpoint", "set", "ocschat@contoso.com", "--pool", "new.contoso.com", "--no-display-name", "--disable"];
  const { out, status } = await place.waypost(set);
  t.equal(status, 0);
  t.match(out, /^changed sip:ocschat@contoso\.com/);
  t.match(out, "  poolFqdn: pcpool.contoso.com -> new.contoso.com\n");
  t.match(out, "  displayName: Chat rooms -> (none)\n");
  t.match(out, "  enabled: true -> false\n");
  const [row] = rows((await place.waypost(["endpoint", "show", "ocschat@contoso.com", "--json"])).out);
  t.notHas(row, { displayName: "Chat rooms" });
  t.match((await place.waypost(["endpoint", "set", "ocschat@contoso.com", "--enable"])).out, "enabled: false -> true");
});

t.test("set --address moves the endpoint to another address", async (t) => {
  const place = await stocked(t);
  t.equal((await place.waypost(["endpoint", "set", "r@contoso.com", "--address", "new@contoso.com"])).status, 0);
  t.match((await place.waypost(["endpoint", "list", "--pool", "p2.contoso.com"])).out, "sip:new@contoso.com");
});

t.test("set --expect-version refuses when the row has changed", async (t) => {
  const place = await stocked(t);
  const { err, status } = await place.waypost([
    ...["endpoint", "set", "r@contoso.com", "--mode", "proxy", "--expect-version", "7"],
  ]);
  t.equal(status, 1);
  t.match(err, /^waypost: .*version 1, not 7/);
});

t.test("a change to what is there already says so", async (t) => {
  const place = await stocked(t);
  t.match(await place.waypost(["endpoint", "set", "r@contoso.com", "--mode", "redirect"]), {
    out: "",
    err: /Nothing to change/,
    status: 0,
  });
});

t.test("remove takes several, all or none", async (t) => {
  const place = await stocked(t);
  const before = await place.table();
  t.match(await place.waypost(["endpoint", "remove", "r@contoso.com", "nobody@contoso.com"]), {
    status: 1,
    err: /nobody@contoso\.com/,
  });
  t.equal(await place.table(), before);
  const { out } = await place.waypost(["endpoint", "remove", "r@contoso.com", "ocschat@contoso.com", "R@contoso.com"]);
  t.match(out, "removed sip:r@contoso.com");
  t.match(out, "removed sip:ocschat@contoso.com");
});

t.test("--dry-run and --what-if show the change and make none", async (t) => {
  const place = await stocked(t);
  const before = await place.table();
  for (const flag of ["--dry-run", "--what-if"]) {
    t.match((await place.waypost(["endpoint", "add", "x@contoso.com", "p.contoso.com", flag])).out, "would add sip:x@");
    t.match((await place.waypost(["endpoint", "set", "r@contoso.com", "--port", "5062", flag])).out, "would change");
    t.match((await place.waypost(["endpoint", "remove", "r@contoso.com", flag])).out, "would remove sip:r@contoso.com");
  }
  t.equal(await place.table(), before);
});

t.test("a wrong value is refused with what is allowed", async (t) => {
  const place = await stocked(t);
  for (const [words, message] of [
    [["--mode", "forward"], '--mode takes proxy or redirect, not "forward".'],
    [["--redirect-status", "301"], '--redirect-status takes 302 or 303, not "301".'],
    [["--transport", "sctp"], '--transport takes auto, tls, tcp or udp, not "sctp".'],
    [["--port", "70000"], '--port takes a whole number from 1 to 65535, not "70000".'],
    [["--request-uri", "x"], '--request-uri takes keep or pool, not "x".'],
    [["--expect-version", "x"], /--expect-version takes a whole number/],
    [["--enable", "--disable"], /cannot be used with option '--enable'/],
    [[], /Nothing to set/],
    [["--pol", "x"], /unknown option '--pol'[\s\S]*--pool/],
  ] as const) {
    const { out, err, status } = await place.waypost(["endpoint", "set", "r@contoso.com", ...words]);
    t.match(err, /^waypost: /);
    t.match(err, message);
    t.strictSame({ out, status }, { out: "", status: 1 });
  }
});

t.test("missing words and unknown commands are refused on standard error, exit status 1", async (t) => {
  const place = await Place.make(t);
  t.match(await place.waypost(["endpoint", "add", "a@b.c"]), {
    out: "",
    status: 1,
    err: /missing required argument 'pool'/,
  });
  t.match(await place.waypost(["endpoint", "lst"]), { out: "", status: 1, err: /unknown command 'lst'[\s\S]*list/ });
  t.match(await place.waypost([]), { out: "", status: 1, err: /Usage: waypost/ });
});

t.test("--help tells each command, its options, where the configuration comes from and the exit status", async (t) => {
  const place = await Place.make(t);
  const { out, err, status } = await place.waypost(["--help"]);
  t.strictSame({ err, status }, { err: "", status: 0 });
  for (const part of ["serve", "start", "demo", "check", "endpoint", "WAYPOST_CONFIG", "Exit status", "New-Cs"]) {
    t.match(out, part);
  }
  const add = (await place.waypost(["endpoint", "add", "--help"])).out;
  for (const part of ["--redirect-status", "302|303", "--dry-run", "--reason", "--config"]) t.match(add, part);
});

t.test("--config goes before or behind the command", async (t) => {
  const place = await Place.make(t);
  const unknown = { status: 1, err: /\/nowhere\/w\.yaml/ };
  t.match(await place.waypost(["--config", "/nowhere/w.yaml", "endpoint", "list"]), unknown);
  t.match(await place.waypost(["endpoint", "list", "--config", "/nowhere/w.yaml"]), unknown);
});

t.test("with --json an error is an object with its code", async (t) => {
  const place = await Place.make(t);
  const { out, err, status } = await place.waypost(["endpoint", "show", "nobody@contoso.com", "--json"]);
  t.strictSame({ out, status }, { out: "", status: 1 });
  t.match(JSON.parse(err), { error: { code: "ENDPOINT_UNKNOWN", message: /nobody@contoso\.com/, remedy: String } });
});
