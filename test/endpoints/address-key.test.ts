import t from "tap";
import { addressKey } from "../../src/endpoints/address-key.ts";

const CASES: readonly (readonly [name: string, uri: string, key: string | undefined])[] = [
  ["a plain address", "sip:ocschat@contoso.com", "ocschat@contoso.com"],
  ["user and host in any case", "sip:OCSChat@Contoso.COM", "ocschat@contoso.com"],
  ["the scheme in any case", "SIP:ocschat@contoso.com", "ocschat@contoso.com"],
  ["sips like sip", "sIpS:ocschat@contoso.com", "ocschat@contoso.com"],
  ["a port", "sip:ocschat@contoso.com:5061", "ocschat@contoso.com"],
  ["parameters", "sip:ocschat@contoso.com;transport=tls;lr", "ocschat@contoso.com"],
  ["headers", "sip:ocschat@contoso.com?Subject=x", "ocschat@contoso.com"],
  ["port, parameters and headers together", "sip:a@b.c:5061;transport=tls?x=y", "a@b.c"],
  ["an escaped letter (§19.1.4)", "sip:%6Fcschat@contoso.com", "ocschat@contoso.com"],
  ["an escaped capital letter", "sip:%4Fcschat@contoso.com", "ocschat@contoso.com"],
  ["an escaped reserved character, which stays (§19.1.4)", "sip:a%3Bb@c.d", "a%3bb@c.d"],
  ["an unescaped reserved character, which differs from that", "sip:a;b@c.d", "a;b@c.d"],
  ["an escaped @, which ends no user", "sip:a%40b@c.d", "a%40b@c.d"],
  ["an escaped percent sign, which starts no escape", "sip:a%2541@c.d", "a%2541@c.d"],
  ["an escaped control character, which stays", "sip:a%0D%0Ab@c.d", "a%0d%0ab@c.d"],
  ["an escaped UTF-8 character, which stays", "sip:caf%C3%A9@c.d", "caf%c3%a9@c.d"],
  ["a password, which names nobody", "sip:ocschat:secret@contoso.com", "ocschat@contoso.com"],
  ["an empty password", "sip:ocschat:@contoso.com", "ocschat@contoso.com"],
  ["the dot that may end a host name (§25.1)", "sip:ocschat@contoso.com.:5060", "ocschat@contoso.com"],
  ["an IPv4 host", "sip:a@192.0.2.1:5060", "a@192.0.2.1"],
  ["an IPv6 host", "sip:A@[2001:DB8::1]:5060;lr", "a@[2001:db8::1]"],
  ["no user", "sip:contoso.com", undefined],
  ["an empty user", "sip:@contoso.com", undefined],
  ["only a password", "sip::secret@contoso.com", undefined],
  ["an empty host", "sip:a@", undefined],
  ["an empty host with a port", "sip:a@:5060", undefined],
  ["a host of one dot", "sip:a@.", undefined],
  ["a second @", "sip:a@b@c.d", undefined],
  ["an unclosed bracket", "sip:a@[::1", undefined],
  ["an empty bracket", "sip:a@[]", undefined],
  ["text behind a bracket", "sip:a@[::1]x", undefined],
  ["letters in a bracket", "sip:a@[x]", undefined],
  ["a broken escape", "sip:a%4@c.d", undefined],
  ["an escape cut off", "sip:a%@c.d", undefined],
  ["an escape of other letters", "sip:a%zz@c.d", undefined],
  ["a blank", "sip:a b@c.d", undefined],
  ["a line break in the host", "sip:a@c\r\nd", undefined],
  ["a NUL", "sip:a\0@c.d", undefined],
  ["a byte above ASCII", "sip:\u00e4@c.d", undefined],
  ["a letter whose lower case is ASCII", "sip:\u212aen@c.d", undefined],
  ["an angle bracket behind the host", "sip:a@c.d>", undefined],
  ["another scheme", "tel:+15551234", undefined],
  ["a longer scheme", "sipx:a@c.d", undefined],
  ["no scheme", "a@c.d", undefined],
  ["an empty text", "", undefined],
  ["the scheme alone", "sip:", undefined],
];

t.test("the comparison key of a Request-URI (RFC 3261 §19.1.4)", async (t) => {
  for (const [name, uri, key] of CASES) {
    t.equal(addressKey(uri), key, name);
  }
});

t.test("a key is its own key's key: the key of sip:KEY is KEY", async (t) => {
  for (const [name, , key] of CASES) {
    if (key !== undefined) {
      t.equal(addressKey(`sip:${key}`), key, name);
    }
  }
});

t.test("an URI of a megabyte is answered like any other", async (t) => {
  t.equal(addressKey(`sip:${"%41".repeat(350_000)}@c.d`), `${"a".repeat(350_000)}@c.d`);
  t.equal(addressKey(`sip:${"a".repeat(1_000_000)}`), undefined);
});
