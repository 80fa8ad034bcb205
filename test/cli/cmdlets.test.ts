import t from "tap";
import { Place } from "./place.ts";

const NEW = "New-CsPersistentChatEndpoint";
const GET = "Get-CsPersistentChatEndpoint";
const SET = "Set-CsPersistentChatEndpoint";
const REMOVE = "Remove-CsPersistentChatEndpoint";

/** A place whose table has two endpoints. */
async function stocked(t: Parameters<typeof Place.make>[0]): Promise<Place> {
  const place = await Place.make(t);
  await place.cmdlet(NEW, ["-Sip", "sip:ocschat@contoso.com", "-Pool", "pcpool.contoso.com", "-Disp", "Chat rooms"]);
  await place.cmdlet(NEW, ["-Sip", "sip:rooms@contoso.com", "-Pool", "pcpool2.contoso.com", "-Mode", "redirect"]);
  return place;
}

const objects = (text: string) => text.split("\n").flatMap((line) => (line ? [JSON.parse(line)] : []));
const addresses = (text: string) => objects(text).map((object) => object.SipAddress);

t.test("New: Lync's own line makes an endpoint and prints nothing", async (t) => {
  const place = await Place.make(t);
  const line = "-SipAddress sip:persistentchat@contoso.com -PersistentChatPoolFqdn pcpool.contoso.com";
  t.strictSame(await place.cmdlet(NEW, line.split(" ")), { out: "", err: "", status: 0 });
  t.match(objects((await place.cmdlet(GET, [])).out), [
    {
      Identity: "sip:persistentchat@contoso.com",
      SipAddress: "sip:persistentchat@contoso.com",
      DisplayName: null,
      PersistentChatPoolFqdn: "pcpool.contoso.com",
      Mode: "proxy",
      Enabled: true,
      Version: 1,
      CreatedBy: "alice",
    },
  ]);
});

t.test("New: an address without sip: gets it", async (t) => {
  const place = await Place.make(t);
  await place.cmdlet(NEW, ["-SipAddress", "persistentchat@contoso.com", "-Pool", "pcpool.contoso.com"]);
  t.strictSame(addresses((await place.cmdlet(GET, [])).out), ["sip:persistentchat@contoso.com"]);
});

t.test("New: -PassThru prints the new endpoint with the settings that are Waypost's own", async (t) => {
  const place = await Place.make(t);
  const words = ["-Sip", "a@contoso.com", "-Pool", "p.contoso.com", "-PassThru", "-Enabled", "$false"];
  const own = ["-Transport", "TLS", "-Port", "5061", "-RequestUri", "pool", "-BackupPool", "p2.contoso.com"];
  const { out, status } = await place.cmdlet(NEW, [...words, ...own, "-Mode", "redirect", "-RedirectStatus", "303"]);
  t.equal(status, 0);
  t.match(objects(out), [
    {
      Enabled: false,
      Transport: "tls",
      Port: 5061,
      RequestUri: "pool",
      BackupPool: "p2.contoso.com",
      Mode: "redirect",
      RedirectStatus: 303,
    },
  ]);
});

t.test("New: an address that is taken is refused, naming its row", async (t) => {
  const place = await stocked(t);
  const { out, err, status } = await place.cmdlet(NEW, ["-Sip", "OCSChat@contoso.com", "-Pool", "x.contoso.com"]);
  t.equal(status, 1);
  t.equal(out, "");
  t.match(err, /^New-CsPersistentChatEndpoint : .*sip:ocschat@contoso\.com.*pcpool\.contoso\.com/);
  t.match(err, /Change the existing endpoint, or remove it first\./);
  t.match(err, /FullyQualifiedErrorId : ADDRESS_TAKEN,New-CsPersistentChatEndpoint/);
});

t.test("New: missing parameters are named, and nothing waits for input", async (t) => {
  const place = await Place.make(t);
  t.match(await place.cmdlet(NEW, []), { status: 1, err: /mandatory parameters: SipAddress PersistentChatPoolFqdn\./ });
  t.match(await place.cmdlet(NEW, ["-Sip", "a@b.c"]), { status: 1, err: /parameters: PersistentChatPoolFqdn\./ });
});

t.test("New: a wrong address or pool is refused with what is wrong", async (t) => {
  const place = await Place.make(t);
  t.match(await place.cmdlet(NEW, ["-Sip", "tel:5551212", "-Pool", "p.contoso.com"]), {
    status: 1,
    err: /tel:5551212.*\n.*sip:ocschat@contoso\.com/,
  });
  t.match(await place.cmdlet(NEW, ["-Sip", "a@contoso.com", "-Pool", "pool_1.contoso.com"]), {
    status: 1,
    err: /pool_1\.contoso\.com/,
  });
});

t.test("New: a pool that is this gateway is refused", async (t) => {
  const place = await Place.make(t);
  t.match(await place.cmdlet(NEW, ["-Sip", "a@contoso.com", "-Pool", "gw.contoso.com"]), {
    status: 1,
    err: /gw\.contoso\.com.*this gateway[\s\S]*POOL_IS_SELF/,
  });
});

t.test("New: -WhatIf says what would be done, and does nothing", async (t) => {
  const place = await Place.make(t);
  const { out, status } = await place.cmdlet(NEW, ["-Sip", "a@contoso.com", "-Pool", "p.contoso.com", "-WhatIf"]);
  t.equal(status, 0);
  t.match(
    out,
    'What if: Performing the operation "New-CsPersistentChatEndpoint" on target "sip:a@contoso.com".\n',
    "PowerShell's words",
  );
  t.match(out, "         poolFqdn: p.contoso.com\n");
  t.equal((await place.cmdlet(GET, [])).out, "");
});

t.test("New: endpoints that Get printed are made again from standard input", async (t) => {
  const place = await stocked(t);
  const saved = (await place.cmdlet(GET, [])).out;
  await place.cmdlet(REMOVE, [], { piped: saved });
  t.match(await place.cmdlet(NEW, [], { piped: saved }), { status: 0, err: "" });
  const again = objects((await place.cmdlet(GET, [])).out);
  const settings = ({ CreatedAt, UpdatedAt, ...rest }: Record<string, unknown>) => rest;
  t.strictSame(again.map(settings), objects(saved).map(settings));
});

t.test("Get: on a terminal a list, objects apart by a blank line", async (t) => {
  const place = await stocked(t);
  const { out } = await place.cmdlet(GET, [], { terminal: true });
  t.match(
    out,
    [
      "Identity               : sip:ocschat@contoso.com",
      "SipAddress             : sip:ocschat@contoso.com",
      "DisplayName            : Chat rooms",
      "PersistentChatPoolFqdn : pcpool.contoso.com",
      "Mode                   : proxy",
    ].join("\n"),
  );
  t.match(out, "\n\nIdentity               : sip:rooms@contoso.com\n");
  t.match(out, "\nEnabled                : True\n");
  t.match(out, "\nPort                   :\n", "nothing behind the colon of a setting that is not there");
});

t.test("Get: -Json prints JSON on a terminal, -Json:$false a list in a pipe", async (t) => {
  const place = await stocked(t);
  t.equal(objects((await place.cmdlet(GET, ["-Json"], { terminal: true })).out).length, 2);
  t.match((await place.cmdlet(GET, ["-Json:$false"])).out, /^Identity {15}: sip:/);
});

t.test("Get: an identity is an address in any case, with or without sip:, or a display name", async (t) => {
  const place = await stocked(t);
  for (const identity of ["sip:ocschat@contoso.com", "OCSChat@Contoso.com", "SIP:OCSCHAT@contoso.com", "chat ROOMS"]) {
    t.strictSame(addresses((await place.cmdlet(GET, [identity])).out), ["sip:ocschat@contoso.com"], identity);
  }
});

t.test("Get: an unknown identity is an error that says so", async (t) => {
  const place = await stocked(t);
  const { out, err, status } = await place.cmdlet(GET, ["-Identity", "sip:nobody@contoso.com"]);
  t.equal(status, 1);
  t.equal(out, "");
  t.match(err, 'Get-CsPersistentChatEndpoint : There is no endpoint with the identity "sip:nobody@contoso.com".');
  t.match(err, "ENDPOINT_UNKNOWN");
});

t.test("Get: -PersistentChatPoolFqdn and -Filter narrow; nothing found is no error", async (t) => {
  const place = await stocked(t);
  const found = async (...words: string[]) => addresses((await place.cmdlet(GET, words)).out);
  t.strictSame(await found("-PersistentChatPoolFqdn", "PCPOOL2.contoso.com."), ["sip:rooms@contoso.com"]);
  t.strictSame(await found("-Filter", '{DisplayName -like "chat*"}'), ["sip:ocschat@contoso.com"]);
  t.strictSame(await found("-Filter", "{Mode", "-eq", "redirect}"), ["sip:rooms@contoso.com"]);
  t.strictSame(await place.cmdlet(GET, ["-Pool", "none.contoso.com"]), { out: "", err: "", status: 0 });
});

t.test("Get: -ResultSize 0 returns nothing, fewer says that there are more", async (t) => {
  const place = await stocked(t);
  t.strictSame(await place.cmdlet(GET, ["-ResultSize", "0"]), { out: "", err: "", status: 0 });
  const one = await place.cmdlet(GET, ["-ResultSize", "1"]);
  t.equal(objects(one.out).length, 1);
  t.match(one.err, /^WARNING: There are 1 more/);
  t.equal((await place.cmdlet(GET, ["-ResultSize", "1", "-WarningAction", "SilentlyContinue"])).err, "");
  t.equal(objects((await place.cmdlet(GET, ["-ResultSize", "Unlimited"])).out).length, 2);
  t.strictSame((await place.cmdlet(GET, ["-ResultSize", "9"])).err, "", "fewer found is no error");
});

t.test("Get: parameters of Active Directory are accepted with a warning", async (t) => {
  const place = await stocked(t);
  const words = ["-LdapFilter", "(cn=x)", "-OU", "OU=x", "-Credential", "x", "-DomainController", "dc.contoso.com"];
  const { out, err, status } = await place.cmdlet(GET, words);
  t.equal(status, 0);
  t.equal(objects(out).length, 2);
  for (const name of ["LdapFilter", "OU", "Credential", "DomainController"]) {
    t.match(err, `WARNING: -${name} has no meaning here`);
  }
});

t.test("Set: changes what is named, takes away what is emptied, and leaves the rest", async (t) => {
  const place = await stocked(t);
  const words = ["ocschat@contoso.com", "-Pool", "new.contoso.com", "-DisplayName", "", "-Port", "5061", "-PassThru"];
  const { out, err, status } = await place.cmdlet(SET, words);
  t.strictSame({ err, status }, { err: "", status: 0 });
  t.match(objects(out), [
    { PersistentChatPoolFqdn: "new.contoso.com", DisplayName: null, Port: 5061, Mode: "proxy", Version: 2 },
  ]);
});

t.test("Set: -WhatIf shows each setting before and after", async (t) => {
  const place = await stocked(t);
  const { out } = await place.cmdlet(SET, ["Chat rooms", "-Mode", "redirect", "-wi"]);
  t.equal(
    out,
    'What if: Performing the operation "Set-CsPersistentChatEndpoint" on target "sip:ocschat@contoso.com".\n' +
      "         mode: proxy -> redirect\n",
  );
});

t.test("Set: without a setting there is nothing to do, which is said", async (t) => {
  const place = await stocked(t);
  t.match(await place.cmdlet(SET, ["ocschat@contoso.com"]), { status: 1, err: /Nothing to set for sip:ocschat/ });
});

t.test("Set: settings that are in force already are no error, and -PassThru prints the endpoint", async (t) => {
  const place = await stocked(t);
  const { out, status } = await place.cmdlet(SET, ["ocschat@contoso.com", "-Mode", "proxy", "-PassThru"]);
  t.equal(status, 0);
  t.match(objects(out), [{ SipAddress: "sip:ocschat@contoso.com", Version: 1 }]);
});

t.test("Set: an edited object from the pipe sets its own settings", async (t) => {
  const place = await stocked(t);
  const [row] = objects((await place.cmdlet(GET, ["ocschat@contoso.com"])).out);
  const piped = JSON.stringify({ ...row, Transport: "udp", DisplayName: null });
  t.match(await place.cmdlet(SET, [], { piped }), { status: 0, err: "" });
  t.match(objects((await place.cmdlet(GET, ["ocschat@contoso.com"])).out), [{ Transport: "udp", DisplayName: null }]);
});

t.test("Set: an object of an older version is refused, and so is an -ExpectedVersion", async (t) => {
  const place = await stocked(t);
  const piped = (await place.cmdlet(GET, [])).out;
  await place.cmdlet(SET, ["ocschat@contoso.com", "-Transport", "udp"]);
  const before = await place.table();
  t.match(await place.cmdlet(SET, ["-Transport", "auto"], { piped }), { status: 1, err: /CHANGED_MEANWHILE/ });
  t.match(await place.cmdlet(SET, ["ocschat@contoso.com", "-Mode", "redirect", "-ExpectedVersion", "1"]), {
    status: 1,
    err: /version 2, not 1/,
  });
  t.equal(await place.table(), before);
});

t.test("Remove: by -Identity, without a word", async (t) => {
  const place = await stocked(t);
  t.strictSame(await place.cmdlet(REMOVE, ["-Identity", "sip:OCSChat@contoso.com"]), { out: "", err: "", status: 0 });
  t.strictSame(addresses((await place.cmdlet(GET, [])).out), ["sip:rooms@contoso.com"]);
});

t.test("Remove: piped objects go all together or not at all", async (t) => {
  const place = await stocked(t);
  const piped = `sip:rooms@contoso.com\n{"Identity":"sip:nobody@contoso.com"}\n`;
  t.match(await place.cmdlet(REMOVE, [], { piped }), { status: 1, err: /nobody@contoso\.com/ });
  t.equal(addresses((await place.cmdlet(GET, [])).out).length, 2, "none is removed");
  t.strictSame(
    await place.cmdlet(REMOVE, ["-Force"], { piped }),
    { out: "", err: "", status: 0 },
    "-Force passes over",
  );
  t.strictSame(addresses((await place.cmdlet(GET, [])).out), ["sip:ocschat@contoso.com"]);
});

t.test("Remove: nothing piped in is nothing to do; no pipe and no -Identity is an error", async (t) => {
  const place = await stocked(t);
  t.strictSame(await place.cmdlet(REMOVE, [], { piped: "\n" }), { out: "", err: "", status: 0 });
  t.match(await place.cmdlet(REMOVE, []), { status: 1, err: /missing mandatory parameters: Identity\./ });
});

t.test("Remove: a line that cannot be read is named", async (t) => {
  const place = await stocked(t);
  t.match(await place.cmdlet(REMOVE, [], { piped: '{"Identity":"rooms@contoso.com"}\n{\n' }), {
    status: 1,
    err: /Line 2 of the standard input is no JSON object.*jq -c/,
  });
  t.match(await place.cmdlet(REMOVE, [], { piped: '{"Name":"x"}' }), { status: 1, err: /Line 1 .* neither Identity/ });
  t.equal(addresses((await place.cmdlet(GET, [])).out).length, 2);
});

t.test("-Confirm asks for each; only what is agreed to is done", async (t) => {
  const place = await stocked(t);
  const piped = (await place.cmdlet(GET, [])).out;
  const { err, status } = await place.cmdlet(REMOVE, ["-Confirm"], { piped, answers: ["n", "what?", "y"] });
  t.equal(status, 0);
  t.match(err, 'Performing the operation "Remove-CsPersistentChatEndpoint" on target "sip:rooms@contoso.com".');
  t.strictSame(addresses((await place.cmdlet(GET, [])).out), ["sip:ocschat@contoso.com"]);
});

t.test("-Confirm: Yes to All and No to All end the questions", async (t) => {
  const place = await stocked(t);
  const piped = (await place.cmdlet(GET, [])).out;
  await place.cmdlet(REMOVE, ["-Confirm"], { piped, answers: ["l"] });
  t.equal(addresses((await place.cmdlet(GET, [])).out).length, 2);
  await place.cmdlet(REMOVE, ["-Confirm"], { piped, answers: ["a"] });
  t.equal((await place.cmdlet(GET, [])).out, "");
});

t.test("-Confirm without a terminal is refused with a hint", async (t) => {
  const place = await stocked(t);
  t.match(await place.cmdlet(REMOVE, ["rooms@contoso.com", "-Confirm"]), { status: 1, err: /no terminal.*-WhatIf/ });
  t.match(await place.cmdlet(REMOVE, ["rooms@contoso.com", "-Confirm:$false"]), { status: 0, err: "" });
});

t.test(
  "-ErrorAction SilentlyContinue hides the message, not the exit status; -Verbose tells what is done",
  async (t) => {
    const place = await stocked(t);
    t.strictSame(await place.cmdlet(GET, ["nobody@contoso.com", "-ea", "SilentlyContinue"]), {
      out: "",
      err: "",
      status: 1,
    });
    t.match((await place.cmdlet(REMOVE, ["rooms@contoso.com", "-Verbose"])).err, /^VERBOSE: Performing the operation/);
  },
);

t.test("a display name that fits two endpoints is refused with both addresses", async (t) => {
  const place = await stocked(t);
  await place.cmdlet(SET, ["rooms@contoso.com", "-DisplayName", "Chat rooms"]);
  t.match(await place.cmdlet(REMOVE, ["Chat rooms"]), {
    status: 1,
    err: /more than one endpoint.*sip:ocschat@contoso\.com, sip:rooms@contoso\.com/,
  });
});

t.test("a configuration that does not exist is named, with how to name another", async (t) => {
  const place = await Place.make(t);
  t.match(await place.cmdlet(GET, ["-Config", "/nowhere/waypost.yaml"]), {
    status: 1,
    err: /\/nowhere\/waypost\.yaml[\s\S]*--config/,
  });
});

t.test("an unknown cmdlet is refused with those there are; Get-Help explains one", async (t) => {
  const place = await Place.make(t);
  t.match(await place.cmdlet("Grant-CsPersistentChatEndpoint", []), { status: 1, err: /not recognized[\s\S]*New-Cs/ });
  t.match(await place.cmdlet("Get-Help", ["new-cspersistentchatendpoint"]), { status: 0, out: /^NAME\n {4}New-Cs/ });
});
