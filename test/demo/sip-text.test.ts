import t from "tap";
import { header, hops, parameter, parseHead, uriIn, uriParts, values } from "../../src/demo/sip-text.ts";

t.test("a folded header line is one value (§7.3.1)", async (t) => {
  const head = parseHead("OPTIONS sip:a SIP/2.0\r\nSubject: one\r\n  two\r\nVia: x");
  t.equal(header(head, "subject"), "one two");
  t.strictSame(values(head, "Via"), ["x"]);
});

t.test("a compact name is not its long form: SIPE knows none", async (t) => {
  t.equal(header(parseHead("OPTIONS sip:a SIP/2.0\r\ni: call"), "Call-ID"), undefined);
});

for (const head of ["HELLO", "GET / HTTP/1.1", "SIP/2.0 20 OK", "OPTIONS sip:a SIP/2.0\r\nno colon"]) {
  t.test(`refused: ${JSON.stringify(head)}`, async (t) => {
    t.throws(() => parseHead(head), /not a (SIP start|header) line/);
  });
}

t.test("hops are split at commas, but not at those inside angle brackets or quotes", async (t) => {
  t.strictSame(hops(['<sip:a,b;lr>, "x, y" <sip:c;lr>', "<sip:d>"]), ["<sip:a,b;lr>", '"x, y" <sip:c;lr>', "<sip:d>"]);
});

t.test("a header parameter is looked for after the URI, not in it", async (t) => {
  t.equal(parameter("<sip:a;tag=1>;epid=e", "tag"), undefined);
  t.equal(parameter("<sip:a;tag=1>;tag=2;epid=e", "tag"), "2");
});

t.test("the URI of a name-addr and of an addr-spec (§20.10)", async (t) => {
  t.equal(uriIn('"A;B" <sip:a@b;x>;tag=1'), "sip:a@b;x");
  t.equal(uriIn("sip:a@b;tag=1"), "sip:a@b");
});

t.test("the parts of a SIP URI", async (t) => {
  t.strictSame(uriParts("sip:alice@Contoso.com:5061;transport=tls;lr"), {
    user: "alice",
    host: "contoso.com",
    port: 5061,
    parameters: "transport=tls;lr",
  });
  t.match(uriParts("sips:[2001:DB8::1]"), { user: "", host: "2001:db8::1", port: undefined });
  t.throws(() => uriParts("tel:+1"), /not a SIP URI/);
});
