import t from "tap";
import { cmdletNamed } from "../../src/cli/cmdlets/declarations.ts";
import { helpText } from "../../src/cli/cmdlets/help.ts";
import type { Cmdlet } from "../../src/cli/cmdlets/parameter.ts";
import { bind } from "../../src/cli/cmdlets/parse.ts";

const NEW = cmdletNamed("New-CsPersistentChatEndpoint") as Cmdlet;
const GET = cmdletNamed("Get-CsPersistentChatEndpoint") as Cmdlet;
const SET = cmdletNamed("Set-CsPersistentChatEndpoint") as Cmdlet;
const REMOVE = cmdletNamed("Remove-CsPersistentChatEndpoint") as Cmdlet;

const bound = (cmdlet: Cmdlet, ...words: string[]) => Object.fromEntries(bind(cmdlet, words));

t.test("Lync's own line binds word for word", async (t) => {
  const line = "-SipAddress sip:persistentchat@contoso.com -PersistentChatPoolFqdn pcpool.contoso.com";
  t.strictSame(bound(NEW, ...line.split(" ")), {
    SipAddress: "sip:persistentchat@contoso.com",
    PersistentChatPoolFqdn: "pcpool.contoso.com",
  });
});

t.test("a cmdlet is found in any case", async (t) => {
  t.equal(cmdletNamed("new-cspersistentchatendpoint"), NEW);
  t.equal(cmdletNamed("GET-CSPERSISTENTCHATENDPOINT"), GET);
});

t.test("parameter names go in any case", async (t) => {
  t.strictSame(bound(NEW, "-sipaddress", "a@b.c", "-PERSISTENTCHATPOOLFQDN", "p.q"), {
    SipAddress: "a@b.c",
    PersistentChatPoolFqdn: "p.q",
  });
});

t.test("a parameter may be shortened while it stays unambiguous", async (t) => {
  t.strictSame(bound(NEW, "-Sip", "a@b.c", "-Pe", "p.q", "-Pa", "-Dis", "Rooms"), {
    SipAddress: "a@b.c",
    PersistentChatPoolFqdn: "p.q",
    PassThru: true,
    DisplayName: "Rooms",
  });
});

t.test("-Pool and the misprinted -PoolFqdn of Lync's documentation mean the pool", async (t) => {
  t.strictSame(bound(GET, "-PoolFqdn", "p.q"), { PersistentChatPoolFqdn: "p.q" });
  t.strictSame(bound(GET, "-Pool", "p.q"), { PersistentChatPoolFqdn: "p.q" });
});

t.test("an ambiguous abbreviation is refused with its candidates", async (t) => {
  t.throws(() => bind(NEW, ["-P", "x"]), {
    code: "USAGE",
    message: /parameter name 'P' is ambiguous.* -PersistentChatPoolFqdn -PassThru/,
  });
});

t.test("an abbreviation that Lync understood keeps its meaning beside Waypost's own parameters", async (t) => {
  t.strictSame(bound(NEW, "-C"), { Confirm: true });
  t.strictSame(bound(GET, "-Cred", "x"), { Credential: "x" });
  t.strictSame(bound(NEW, "-Conf"), { Confirm: true }, "not -Config");
});

t.test("an unknown parameter is refused with those there are", async (t) => {
  t.throws(() => bind(REMOVE, ["-Sipaddress", "x"]), {
    code: "USAGE",
    message: /matches parameter name 'Sipaddress'.* -Identity -Force/,
  });
  t.throws(() => bind(GET, ["--json"]), { message: /matches parameter name '-json'.* -Json/ });
});

t.test("aliases: -wi, -cf and those of the common parameters", async (t) => {
  t.strictSame(bound(REMOVE, "x@y.z", "-wi", "-cf", "-ea", "stop", "-vb"), {
    Identity: "x@y.z",
    WhatIf: true,
    Confirm: true,
    ErrorAction: "Stop",
    Verbose: true,
  });
});

t.test("-Name:value, and -Name: value", async (t) => {
  t.strictSame(bound(NEW, "-SipAddress:sip:a@b.c", "-Pool:", "p.q"), {
    SipAddress: "sip:a@b.c",
    PersistentChatPoolFqdn: "p.q",
  });
});

t.test("a switch takes $true and $false behind a colon", async (t) => {
  t.strictSame(bound(REMOVE, "-Confirm:$false", "-WhatIf:$true", "-Force:FALSE"), {
    Confirm: false,
    WhatIf: true,
    Force: false,
  });
  t.throws(() => bind(REMOVE, ["-Confirm:maybe"]), { message: /-Confirm takes \$true or \$false, not "maybe"/ });
});

t.test("a $false that the shell replaced by nothing is explained", async (t) => {
  t.throws(() => bind(REMOVE, ["-Confirm:"]), { code: "USAGE", message: /write -Confirm:true or -Confirm:false/ });
  t.throws(() => bind(SET, ["a@b.c", "-Enabled"]), { code: "USAGE", message: /write -Enabled true or -Enabled false/ });
});

t.test("-Enabled takes a truth value", async (t) => {
  t.strictSame(bound(SET, "-Enabled", "$false"), { Enabled: false });
  t.strictSame(bound(SET, "-Enabled", "1"), { Enabled: true });
});

t.test("-Identity goes by position, and only one word does", async (t) => {
  t.strictSame(bound(GET, "sip:a@b.c", "-ResultSize", "3"), { Identity: "sip:a@b.c", ResultSize: 3 });
  t.throws(() => bind(GET, ["Chat", "rooms"]), {
    code: "USAGE",
    message: /positional parameter cannot be found that accepts argument 'rooms'/,
  });
  t.throws(() => bind(NEW, ["sip:a@b.c"]), { message: /accepts argument 'sip:a@b.c'/ });
});

t.test("words after -- are values", async (t) => {
  t.strictSame(bound(GET, "--", "-odd-name"), { Identity: "-odd-name" });
});

t.test("a parameter without its value is refused", async (t) => {
  t.throws(() => bind(NEW, ["-SipAddress"]), { message: /Missing an argument for parameter 'SipAddress'/ });
  t.throws(() => bind(NEW, ["-SipAddress", "-PassThru"]), {
    message: /Missing an argument for parameter 'SipAddress'/,
  });
  t.throws(() => bind(NEW, ["-SipAddress", ""]), { message: /-SipAddress needs a value, not an empty text/ });
});

t.test("a parameter given twice is refused", async (t) => {
  t.throws(() => bind(NEW, ["-Sip", "a@b.c", "-SipAddress", "d@e.f"]), {
    message: /'SipAddress' is specified more than once/,
  });
});

t.test("quotes that came along with a copied line are taken off", async (t) => {
  t.strictSame(bound(NEW, "-DisplayName", "“Chat", "rooms”", "-Sip", "'a@b.c'"), {
    DisplayName: "Chat rooms",
    SipAddress: "a@b.c",
  });
  t.strictSame(bound(NEW, "-DisplayName", '"Chat" rooms'), { DisplayName: '"Chat" rooms' }, "grouped by the shell");
  t.throws(() => bind(NEW, ["-DisplayName", "“Chat", "rooms"]), { message: /missing its terminator/ });
});

t.test("a dash that a word processor made longer is a dash", async (t) => {
  t.strictSame(bound(NEW, "–SipAddress", "a@b.c", "—WhatIf"), { SipAddress: "a@b.c", WhatIf: true });
});

t.test("-ResultSize takes 0 to 2147483647 and Unlimited", async (t) => {
  t.strictSame(bound(GET, "-ResultSize", "0"), { ResultSize: 0 });
  t.strictSame(bound(GET, "-ResultSize", "2147483647"), { ResultSize: 2147483647 });
  t.strictSame(bound(GET, "-ResultSize", "unlimited"), { ResultSize: "Unlimited" });
  for (const wrong of ["2147483648", "-1", "1.5", "many"]) {
    t.throws(() => bind(GET, [`-ResultSize:${wrong}`]), {
      code: "SETTING_INVALID",
      message: `-ResultSize takes a whole number from 0 to 2147483647 or Unlimited, not "${wrong}".`,
    });
  }
});

t.test("a choice goes in any case; a wrong one is refused with those allowed", async (t) => {
  t.strictSame(bound(NEW, "-Mode", "Redirect", "-RedirectStatus", "303"), { Mode: "redirect", RedirectStatus: 303 });
  t.throws(() => bind(NEW, ["-Transport", "sctp"]), { message: '-Transport takes auto, tls, tcp or udp, not "sctp".' });
});

t.test("-Port takes 1 to 65535", async (t) => {
  t.strictSame(bound(NEW, "-Port", "5061"), { Port: 5061 });
  for (const wrong of ["0", "65536", "x", "1e3"]) {
    t.throws(() => bind(NEW, ["-Port", wrong]), {
      message: `-Port takes a whole number from 1 to 65535, not "${wrong}".`,
    });
  }
});

t.test("an empty text or $null takes an optional setting away, in Set only", async (t) => {
  t.strictSame(bound(SET, "-DisplayName", "", "-Port", "$null"), { DisplayName: null, Port: null });
  t.throws(() => bind(SET, ["-PersistentChatPoolFqdn", ""]), { message: /needs a value/ });
  t.throws(() => bind(NEW, ["-Port", ""]), { message: /-Port takes a whole number/ });
});

t.test("a script block that the shell split is put together again", async (t) => {
  t.strictSame(bound(GET, "-Filter", "{SipAddress", "-eq", "sip:a@b.c}", "-Json"), {
    Filter: "SipAddress -eq sip:a@b.c",
    Json: true,
  });
  t.strictSame(bound(GET, "-Filter", "{DisplayName", "-eq", "Chat rooms}"), {
    Filter: 'DisplayName -eq "Chat rooms"',
  });
  t.strictSame(bound(GET, "-Filter", "{", "Mode", "-eq", "proxy", "}"), { Filter: "Mode -eq proxy" });
  t.throws(() => bind(GET, ["-Filter", "{Mode", "-eq", "proxy"]), { message: /missing its closing brace/ });
});

t.test("-?, -Help and --help win over everything else", async (t) => {
  for (const word of ["-?", "-Help", "--help", "-h"]) {
    t.strictSame(bound(NEW, word), { Help: true }, word);
  }
});

t.test("the help of each cmdlet names every parameter it takes", async (t) => {
  for (const cmdlet of [NEW, GET, SET, REMOVE]) {
    const text = helpText(cmdlet);
    for (const { name, help } of cmdlet.parameters) t.match(text, `    -${name}`, `${cmdlet.name} -${name}: ${help}`);
    t.match(text, /NAME\n.*\n\nSYNOPSIS\n[\s\S]*SYNTAX\n[\s\S]*PARAMETERS\n[\s\S]*EXAMPLES\n/);
    t.notOk(
      text.split("\n").some((line) => line.length > 130),
      "no line is too long for a terminal",
    );
  }
});
