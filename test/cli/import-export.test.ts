import { readFile } from "node:fs/promises";
import { join } from "node:path";
import t from "tap";
import { Place } from "./place.ts";

const CSV =
  '"Identity","SipAddress","PersistentChatPoolFqdn","LineURI"\r\n"CN={1}","sip:a@contoso.com","p.contoso.com",\r\n';

t.test("import tells first what it passes over, then what it changes, then the sum", async (t) => {
  const place = await Place.make(t);
  await place.write("x.csv", CSV);
  const file = join(place.directory, "x.csv");
  const dry = await place.waypost(["import", file, "--dry-run"]);
  t.match(dry, { status: 0, out: /^would add sip:a@contoso\.com\n/ });
  t.match(
    dry.err,
    /^Passed over.*: LineURI\n.*x\.csv: 1 endpoints read; 1 would be added, 0 changed, 0 removed; 0 are/,
  );
  t.equal((await place.waypost(["endpoint", "list", "--json"])).out, "");
  t.match(await place.waypost(["import", file, "--reason", "from Lync"]), {
    status: 0,
    out: /^added sip:a@contoso\.com/,
  });
  const [entry] = (await place.waypost(["history", "--json"])).out.split("\n");
  t.match(JSON.parse(entry ?? ""), { actor: { name: "alice", source: "import", reason: "from Lync" } });
  t.match(await place.waypost(["import", file]), {
    status: 0,
    out: "",
    err: /Nothing to change.*\n.*1 are so already/,
  });
});

t.test("import is all or nothing, and names file and line", async (t) => {
  const place = await Place.make(t);
  await place.write("x.csv", `${CSV}"CN={2}","sip:b@contoso.com","pool_2.contoso.com",\r\n`);
  const file = join(place.directory, "x.csv");
  const { out, err, status } = await place.waypost(["import", file]);
  t.strictSame({ out, status }, { out: "", status: 1 });
  t.match(err, `${file}:3: PersistentChatPoolFqdn: pool "pool_2.contoso.com" contains "_"`);
  t.equal((await place.waypost(["endpoint", "list", "--json"])).out, "");
});

t.test("import - reads standard input, UTF-16 too", async (t) => {
  const place = await Place.make(t);
  const piped = Buffer.from(`\uFEFF${CSV}`, "utf16le");
  t.match(await place.waypost(["import", "-"], { piped }), { status: 0, out: /^added sip:a@/ });
  t.match(await place.waypost(["import", "-"]), { status: 1, err: /Nothing comes in on standard input/ });
  t.match(await place.waypost(["import", "-"], { piped: "SipAddress\nx y@b\n" }), { status: 1, err: /<stdin>:2: / });
  t.match(await place.waypost(["import", "/nowhere.csv"]), { status: 1, err: /\/nowhere\.csv: there is no such file/ });
});

t.test("the cmdlets read UTF-16 from a pipe as well", async (t) => {
  const place = await Place.make(t);
  const piped = Buffer.from(
    '\uFEFF{"SipAddress":"sip:a@contoso.com","PersistentChatPoolFqdn":"p.contoso.com"}\r\n',
    "utf16le",
  );
  t.match(await place.cmdlet("New-CsPersistentChatEndpoint", [], { piped }), { status: 0, err: "" });
});

t.test("--replace removes what the file does not have, but never all without --force and --reason", async (t) => {
  const place = await Place.make(t);
  await place.waypost(["endpoint", "add", "old@contoso.com", "p.contoso.com"]);
  const replace = (piped: string, ...more: string[]) => place.waypost(["import", "-", "--replace", ...more], { piped });
  t.match(await replace(CSV, "--dry-run"), { status: 1, err: /none of the 1 endpoints.*--force with --reason/ });
  t.match(await replace(`${CSV}"","sip:old@contoso.com","p.contoso.com",`), { status: 0 });
  t.match(await replace(CSV), { status: 0, out: /^removed sip:old@contoso\.com/ });
  t.match(await replace("SipAddress\n", "--force", "--reason", "start anew"), { status: 0, out: /^removed sip:a@/ });
});

for (const format of ["csv", "json", "yaml"]) {
  t.test(`export to a ${format} file, imported again with --replace, changes nothing`, async (t) => {
    const place = await Place.make(t);
    const words = ["--mode", "redirect", "--port", "5061", "--display-name", 'Räume; "alt", neu', "--disabled"];
    await place.waypost(["endpoint", "add", "a@contoso.com", "p.contoso.com", ...words]);
    await place.waypost(["endpoint", "add", "b@contoso.com", "2001:db8::1"]);
    const file = join(place.directory, `out.${format}`);
    t.match(await place.waypost(["export", file]), { status: 0, out: "", err: /2 endpoints written/ });
    t.match(await place.waypost(["import", file, "--replace"]), { status: 0, out: "", err: /2 are so already/ });
    t.equal((await place.waypost(["export", "--format", format])).out, await readFile(file, "utf8"));
  });
}
