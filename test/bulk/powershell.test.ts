import t from "tap";
import { importing } from "./import.ts";

const DN = "CN={6f3b},CN=Application Contacts,CN=RTC Service,CN=Services,CN=Configuration,DC=contoso,DC=com";
const HEAD = '"Identity","SipAddress","DisplayName","PersistentChatPoolFqdn","ObjectClass"';
const LINE = `"${DN}","sip:ocschat@contoso.com","Chat, the ""old"" rooms","pcpool.contoso.com","top contact"`;
const ADDED = {
  unknownColumns: ["ObjectClass"],
  changes: [
    {
      kind: "add",
      endpoint: {
        sipAddress: "sip:ocschat@contoso.com",
        displayName: 'Chat, the "old" rooms',
        poolFqdn: "pcpool.contoso.com",
        mode: "proxy",
        enabled: true,
      },
    },
  ],
};

t.test("Export-Csv -NoTypeInformation, with CRLF", async (t) => {
  t.match(await importing(`${HEAD}\r\n${LINE}\r\n`), ADDED);
});

t.test("Export-Csv with its #TYPE line", async (t) => {
  const type = "#TYPE Microsoft.Rtc.Management.ADConnect.Schema.OCSPersistentChatContact";
  t.match(await importing(`${type}\r\n${HEAD}\r\n${LINE}\r\n`), ADDED);
});

t.test("Export-Csv -Delimiter ';' or -UseCulture, and tabs", async (t) => {
  const other = (mark: string) => `${HEAD}\n${LINE}\n`.replaceAll('","', `"${mark}"`);
  t.match(await importing(other(";")), ADDED);
  t.match(await importing(other("\t")), ADDED);
  t.match(await importing(`sep=;\r\n${other(";")}`), ADDED);
});

t.test("UTF-16 of both byte orders and UTF-8, each with and without byte order mark", async (t) => {
  const text = `${HEAD}\r\n${LINE.replace("rooms", "Räume")}\r\n`;
  const little = Buffer.from(text, "utf16le");
  const big = Buffer.from(little).swap16();
  for (const [name, bytes] of Object.entries({
    "UTF-8": Buffer.from(text),
    "UTF-8 with mark": Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from(text)]),
    "UTF-16 LE": little,
    "UTF-16 LE with mark": Buffer.concat([Buffer.from([0xff, 0xfe]), little]),
    "UTF-16 BE": big,
    "UTF-16 BE with mark": Buffer.concat([Buffer.from([0xfe, 0xff]), big]),
  })) {
    t.match(await importing(bytes), { changes: [{ endpoint: { displayName: 'Chat, the "old" Räume' } }] }, name);
  }
});

t.test("a file in a code page of old is refused with its line", async (t) => {
  const bytes = Buffer.from(`${HEAD}\r\n${LINE.replace("rooms", "R\xe4ume")}\r\n`, "latin1");
  await t.rejects(importing(bytes), { code: "IMPORT_INVALID", message: /^hosts\.csv:2: .*not UTF-8/ });
});

const OBJECT = {
  Identity: DN,
  SipAddress: "sip:ocschat@contoso.com",
  DisplayName: 'Chat, the "old" rooms',
  PersistentChatPoolFqdn: "pcpool.contoso.com",
  ObjectClass: ["top", "contact"],
};

t.test("ConvertTo-Json: a list, a single object, and the list in an object of PowerShell 5", async (t) => {
  for (const document of [[OBJECT], OBJECT, { value: [OBJECT], Count: 1 }]) {
    const bytes = Buffer.concat([
      Buffer.from([0xff, 0xfe]),
      Buffer.from(JSON.stringify(document, null, 4).replaceAll("\n", "\r\n"), "utf16le"),
    ]);
    t.match(await importing(bytes, { file: "endpoints.json" }), ADDED);
  }
});

t.test("ConvertTo-Json -Compress, one object per line", async (t) => {
  const other = { ...OBJECT, SipAddress: "sip:b@contoso.com", DisplayName: null };
  const text = `${JSON.stringify(OBJECT)}\r\n${JSON.stringify(other)}\r\n`;
  const plan = await importing(text, { file: "-" });
  t.match(plan, ADDED);
  t.match(plan.changes[1], { endpoint: { sipAddress: "sip:b@contoso.com", displayName: undefined } });
});
