import t from "tap";
import { row } from "../endpoints/row.ts";
import { importing } from "./import.ts";

const TABLE = [
  row({ displayName: "Chat rooms", port: 5061, version: 3 }),
  row({ sipAddress: "sip:b@contoso.com", mode: "redirect" }),
];

t.test("an endpoint that is there is changed where the file differs, guarded by its version", async (t) => {
  const plan = await importing("sipAddress,poolFqdn\nOCSChat@contoso.com,pcpool2.contoso.com\n", { table: TABLE });
  t.same(plan, {
    rows: 1,
    unchanged: 0,
    unknownColumns: [],
    changes: [
      {
        kind: "set",
        sipAddress: "sip:ocschat@contoso.com",
        fields: { poolFqdn: "pcpool2.contoso.com" },
        expectedVersion: 3,
      },
    ],
  });
});

t.test("an empty value takes an optional setting away, or sets the default", async (t) => {
  const text = "SipAddress,DisplayName,Port,Mode\nocschat@contoso.com,,,\nb@contoso.com,,,\n";
  t.match((await importing(text, { table: TABLE })).changes, [
    { sipAddress: "sip:ocschat@contoso.com", fields: { displayName: undefined, port: undefined } },
    { sipAddress: "sip:b@contoso.com", fields: { mode: "proxy" } },
  ]);
});

t.test("without --replace other endpoints stay; with it they go, guarded by their version", async (t) => {
  const text = "SipAddress\nb@contoso.com\n";
  t.same((await importing(text, { table: TABLE })).changes, []);
  t.same((await importing(text, { table: TABLE, replace: true })).changes, [
    { kind: "remove", sipAddress: "sip:ocschat@contoso.com", expectedVersion: 3 },
  ]);
});

t.test("unknown columns are named, those of the table's own bookkeeping are not", async (t) => {
  const text = "SipAddress,LineURI,Version,UpdatedBy,Identity,Owner\nb@contoso.com,,7,x,CN=y,z\n";
  t.same((await importing(text, { table: TABLE })).unknownColumns, ["LineURI", "Owner"]);
});

t.test("without SipAddress an Identity that is a SIP address serves", async (t) => {
  const text = "Identity,Pool\nsip:new@contoso.com,p.contoso.com\n";
  t.match((await importing(text)).changes, [{ kind: "add", endpoint: { sipAddress: "sip:new@contoso.com" } }]);
});

t.test("every fault is told, with file, line and column", async (t) => {
  const text = [
    "SipAddress,PersistentChatPoolFqdn,Mode,Port,Enabled",
    "ocschat@contoso.com,pool_1.contoso.com,proxy,5061,True",
    "a b@contoso.com,p.contoso.com,forward,70000,maybe",
    "x@contoso.com,gw.contoso.com,,,",
    "X@contoso.com,p.contoso.com,,,",
    "n@contoso.com,,,,",
    ",p.contoso.com,,,",
    "x@contoso.com,p.contoso.com,,,",
  ].join("\n");
  const error = await importing(text).catch((caught) => caught);
  t.equal(error.code, "IMPORT_INVALID");
  const lines = error.message.split("\n");
  t.match(lines, [
    /^hosts\.csv:2: PersistentChatPoolFqdn: pool "pool_1\.contoso\.com" contains "_"/,
    /^hosts\.csv:3: SipAddress: SIP address "a b@contoso\.com"/,
    /^hosts\.csv:3: mode must be proxy or redirect, not "forward"/,
    /^hosts\.csv:3: port must be a whole number from 1 to 65535, not 70000/,
    /^hosts\.csv:3: enabled must be true or false, not "maybe"/,
    /^hosts\.csv:4: PersistentChatPoolFqdn: .*this gateway itself/,
    /^hosts\.csv:6: PersistentChatPoolFqdn: poolFqdn is missing/,
    /^hosts\.csv:7: sipAddress is missing/,
    /^hosts\.csv:8: SipAddress: sip:x@contoso\.com stands in line 5 already/,
  ]);
  t.equal(lines.length, 9);
});

t.test("in JSON and YAML a fault has line and column of the value", async (t) => {
  const json = '[\n  { "sipAddress": "a@b.c", "poolFqdn": "p.b.c", "port": 0 },\n  { "sipAddress": 7 }\n]\n';
  await t.rejects(importing(json, { file: "x.json" }), {
    message: /^x\.json:2:57: port must .*not 0\nx\.json:3:19: sipAddress must .*not 7/,
  });
  const yaml = "endpoints:\n  - sipAddress: a@b.c\n    poolFqdn: p.b.c\n    port: x\n";
  await t.rejects(importing(yaml, { file: "x.yaml" }), { message: /^x\.yaml:4:11: port must .*not "x"/ });
  await t.rejects(importing('{"sipAddress":"a@b.c","poolFqdn":"p.b.c"}\n{"sipAddress":"b@b.c","mode":"x"}\n'), {
    message: /^hosts\.csv:1/,
  });
  await t.rejects(
    importing('{"sipAddress":"a@b.c","poolFqdn":"p.b.c"}\n{"sipAddress":"b@b.c","mode":"x"}\n', { file: "-" }),
    {
      message: /-:2:30: mode must /,
    },
  );
});

t.test("a file that cannot be read is refused with the place", async (t) => {
  for (const [file, text, message] of [
    ["x.csv", "", /^x\.csv:1: the file is empty/],
    [
      "x.csv",
      "SipAddress,Pool,sipaddress\n",
      /^x\.csv:1: the column SipAddress|^x\.csv:1: the column sipaddress stands here twice/,
    ],
    ["x.csv", '#TYPE X\nSipAddress,Pool\na@b.c,p.b.c\n"b@b.c,p.b.c\n', /^x\.csv:4: a quote is opened and never closed/],
    ["x.csv", 'SipAddress,Pool\na@b.c,p"x"\n', /^x\.csv:2: a quote stands inside a value/],
    ["x.csv", 'SipAddress,Pool\n\n"a@b.c",p.b.c,3\n', /^x\.csv:3: this line has 3 values.*2 columns/],
    ["x.json", '[{"sipAddress": }]', /^x\.json:1:17: a value is expected here/],
    ["x.json", "[1]", /^x\.json:1:2: an endpoint has to be an object/],
    ["x.json", "7", /^x\.json:1:1: there is no list of endpoints/],
    ["x.json", " ", /^x\.json:1:1: the file is empty/],
    ["x.yaml", "- a: b\n  a: c\n", /^x\.yaml:2:3: Map keys must be unique/],
    ["x.yaml", "- 7\n", /^x\.yaml:1:3: an endpoint has to be a group/],
  ] as const) {
    await t.rejects(importing(text, { file }), { code: "IMPORT_INVALID", message }, text);
  }
});

t.test("a value of several lines in quotes does not shift the line numbers behind it", async (t) => {
  const text = 'SipAddress,Pool,Notes\na@b.c,p.b.c,"one\ntwo\nthree"\nb@b.c,p_.b.c,\n';
  await t.rejects(importing(text), { message: /^hosts\.csv:5: pool "p_/ });
});
