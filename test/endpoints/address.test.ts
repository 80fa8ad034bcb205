import { Grammar } from "sip.js/lib/grammar/index.js";
import t from "tap";
import { parseSipAddress } from "../../src/endpoints/address.ts";

t.test("an address keeps its scheme, and without one it gets sip:", async (t) => {
  t.equal(parseSipAddress("sip:persistentchat@contoso.com").uri, "sip:persistentchat@contoso.com");
  t.equal(parseSipAddress("persistentchat@contoso.com").uri, "sip:persistentchat@contoso.com");
  t.equal(parseSipAddress("SIPS:persistentchat@contoso.com").uri, "sips:persistentchat@contoso.com");
});

t.test("an address keeps the case in which it was typed; its key does not", async (t) => {
  t.same(parseSipAddress(" OCSChat@Contoso.com "), { uri: "sip:OCSChat@Contoso.com", key: "ocschat@contoso.com" });
});

t.test("every character that RFC 3261 §25.1 allows in a user is accepted", async (t) => {
  for (const user of ["-_.!~*'()", "&=+$,;?/", "%6Fcschat", "a;phone-context=x"]) {
    t.equal(parseSipAddress(`sip:${user}@contoso.com`).uri, `sip:${user}@contoso.com`);
  }
});

t.test("an IP literal may be the domain", async (t) => {
  t.equal(parseSipAddress("a@192.0.2.1").uri, "sip:a@192.0.2.1");
  t.equal(parseSipAddress("a@[2001:db8::1]").uri, "sip:a@[2001:db8::1]");
});

const WRONG: readonly (readonly [text: string, says: RegExp])[] = [
  ["", /it is empty/],
  ["   ", /it is empty/],
  ["contoso.com", /the user is missing/],
  ["sip:contoso.com", /the user is missing/],
  ["sip:@contoso.com", /user in front of the @ is missing/],
  ["sip:ocschat@", /domain behind the @ is missing/],
  ["tel:+15551234", /starts with "tel:"; only sip: and sips:/],
  ["im:a@contoso.com", /starts with "im:"/],
  ["sip:a:secret@contoso.com", /a password is not allowed/],
  ["a@contoso.com:5060", /a port is not allowed/],
  ["a@[::1]:5060", /a port is not allowed/],
  ["a@::1", /an IPv6 address needs brackets/],
  ["a@[x]", /no IPv6 address/],
  ["a@contoso.com;transport=tls", /parameters are not allowed/],
  ["a@contoso.com?x=y", /headers are not allowed/],
  ["a@b@contoso.com", /more than one @/],
  ["<sip:a@contoso.com>", /"<sip:"/],
  ["a b@contoso.com", /the user "a b".*%HH/],
  ["a%4@contoso.com", /the user "a%4"/],
  ["j\u00fcrgen@contoso.com", /the user "j\u00fcrgen"/],
  ["a@con_toso.com", /the domain "con_toso.com" contains "_"/],
  ["a@contoso..com", /empty label/],
  ["a@-contoso.com", /starts or ends with a hyphen/],
  ["a@1.2.3.300", /last label/],
  [`a@${"x".repeat(64)}.com`, /a label of 64 characters/],
  [`${"x".repeat(400)}@contoso.com`, /at most 320/],
];

t.test("a wrong address is refused with the part that is wrong", async (t) => {
  for (const [text, says] of WRONG) {
    t.throws(() => parseSipAddress(text), { code: "ADDRESS_INVALID", message: says }, JSON.stringify(text));
  }
});

t.test("whatever is accepted without asking the strict grammar is accepted by it", async (t) => {
  for (const text of ["a@b", "A.b-c_d@x.y-z.com", "0@0.a", "_@a1", "-@x-1.y2", "a@1.2.3.4"]) {
    t.ok(Grammar.URIParse(parseSipAddress(text).uri), text);
  }
});
