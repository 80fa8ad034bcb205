import t from "tap";
import { Place } from "./place.ts";

const LINE =
  "New-CsPersistentChatEndpoint -SipAddress sip:persistentchat@contoso.com -PersistentChatPoolFqdn pcpool.contoso.com";

async function installed(t: Parameters<typeof Place.make>[0]): Promise<Place> {
  const place = await Place.make(t);
  await place.install();
  return place;
}

/** The same with one endpoint in the table. */
async function stocked(t: Parameters<typeof Place.make>[0]): Promise<Place> {
  const place = await installed(t);
  await place.waypost(["endpoint", "add", "persistentchat@contoso.com", "pcpool.contoso.com"]);
  return place;
}

const isEmpty = async (place: Place) => (await place.waypost(["endpoint", "list", "--json"])).out === "";

t.test("the cmdlets are commands of their own, and commands of waypost in any case", async (t) => {
  const place = await installed(t);
  t.strictSame(await place.shell(LINE), { out: "", err: "", status: 0 });
  const { out, err, status } = await place.shell("waypost get-CSPERSISTENTCHATENDPOINT");
  t.strictSame({ err, status }, { err: "", status: 0 });
  t.match(JSON.parse(out), { Identity: "sip:persistentchat@contoso.com", CreatedBy: "alice" });
});

t.test("Get-… | Remove-… works in a shell", async (t) => {
  const place = await stocked(t);
  const { out, err, status } = await place.shell("Get-CsPersistentChatEndpoint | Remove-CsPersistentChatEndpoint");
  t.strictSame({ out, status }, { out: "", status: 0 });
  // Said where the first command takes seconds.
  t.match(err, /^(Waiting for endpoints on standard input\.\n)?$/);
  t.ok(await isEmpty(place));
});

t.test("an open standard input that nobody closes is not read when -Identity is given", async (t) => {
  const place = await stocked(t);
  t.match(await place.shell("Remove-CsPersistentChatEndpoint persistentchat@contoso.com"), { status: 0, err: "" });
});

t.test("a closed standard input and /dev/null are no pipe", async (t) => {
  const place = await installed(t);
  const missing = { status: 1, out: "", err: /missing mandatory parameters: Identity/ };
  t.match(await place.shell("Remove-CsPersistentChatEndpoint <&-"), missing);
  t.match(await place.shell("Remove-CsPersistentChatEndpoint </dev/null"), missing);
});

t.test("a reader that stops early is no error", async (t) => {
  const place = await stocked(t);
  t.strictSame(await place.shell("waypost endpoint list --json | true"), { out: "", err: "", status: 0 });
});

t.test("with sudo the history names the person, not root", async (t) => {
  const place = await installed(t);
  await place.shell(`SUDO_USER=bob USER=root ${LINE}`);
  t.match(JSON.parse((await place.waypost(["endpoint", "list", "--json"])).out), { createdBy: "bob" });
});

t.test("results go to standard output, errors to standard error with exit status 1", async (t) => {
  const place = await installed(t);
  t.match(await place.shell("Get-CsPersistentChatEndpoint nobody@contoso.com"), {
    out: "",
    status: 1,
    err: /There is no endpoint with the identity "nobody@contoso\.com"/,
  });
  t.match(await place.shell("waypost endpoint add x pcpool.contoso.com"), { out: "", status: 1, err: /^waypost: / });
});

t.test("--version prints the version alone", async (t) => {
  const place = await installed(t);
  t.match(await place.shell("waypost --version"), { out: /^\d+\.\d+\.\d+\S*\n$/, err: "", status: 0 });
});

t.test("on a terminal Get prints a list, and -Confirm asks there even when the objects come by a pipe", async (t) => {
  const place = await stocked(t);
  const list = await place.shell('script -qec "Get-CsPersistentChatEndpoint" /dev/null </dev/null');
  t.match(list.out, /^Identity {15}: sip:persistentchat@contoso\.com\r?$/m);
  const pipe = "Get-CsPersistentChatEndpoint | Remove-CsPersistentChatEndpoint -Confirm";
  const asked = await place.shell(`echo y | script -qec "${pipe}" /dev/null`);
  t.match(asked.out, 'on target "sip:persistentchat@contoso.com".');
  t.ok(await isEmpty(place));
});
