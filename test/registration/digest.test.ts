import t from "tap";
import { digestHash } from "../../src/engine/registrar.ts";
import { type Challenge, credentials, parseChallenge, strongest } from "../../src/registration/digest.ts";

const ALL = ["SHA-512-256", "SHA-256", "MD5"] as const;

t.test("the examples of RFC 7616 §3.9.1", async (t) => {
  for (const [algorithm, response] of [
    ["MD5", "8ca523f5e9506fed4657c9700eebdbec"],
    ["SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"],
  ]) {
    const challenge = parseChallenge(
      `Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=${algorithm}, ` +
        'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"',
    ) as Challenge;
    const input = {
      username: "Mufasa",
      password: "Circle of Life",
      method: "GET",
      uri: "/dir/index.html",
      nonceCount: 1,
      cnonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
    };
    t.match(credentials(challenge, input, digestHash), `response="${response}"`);
  }
});

t.test("a challenge without qop is answered as RFC 2069 has it: no nc, no cnonce", async (t) => {
  const challenge = parseChallenge('Digest realm="r", nonce="n"') as Challenge;
  const input = { username: "u", password: "p", method: "REGISTER", uri: "sip:r", nonceCount: 1, cnonce: "c" };
  t.equal(
    credentials(challenge, input, (_algorithm, text) => `<${text}>`),
    'Digest username="u", realm="r", nonce="n", uri="sip:r", response="<<u:r:p>:n:<REGISTER:sip:r>>"',
  );
});

t.test("of several challenges the strongest is taken, wherever it stands (RFC 8760 §2.4)", async (t) => {
  const of = (algorithm: string) => `Digest realm="r", nonce="${algorithm}", algorithm=${algorithm}, qop="auth"`;
  const values = ['NTLM realm="r"', of("MD5"), of("SHA-256"), of("SHA-512-256"), of("SHA-999")];
  t.match(strongest(values, ALL, undefined), { nonce: "SHA-512-256" });
  t.match(strongest(values, ["MD5", "SHA-256"], undefined), { nonce: "SHA-256" });
  t.match(strongest([of("sha-256-SESS"), of("MD5")], ALL, undefined), { algorithm: "SHA-256", session: true });
});

for (const [title, value, why] of [
  ["another scheme", 'NTLM realm="r"', "NTLM is no digest"],
  ["nothing", "", "an empty challenge is no digest"],
  ["no nonce", 'Digest realm="r"', "the challenge has no realm or no nonce"],
  ["an open quote", 'Digest realm="r, nonce="n"', "the challenge is malformed"],
  ["a parameter twice", 'Digest realm="r", nonce="n", nonce="m"', "the challenge is malformed"],
  ["auth-int alone", 'Digest realm="r", nonce="n", qop="auth-int"', "qop auth-int without auth"],
  ["an unknown algorithm", 'Digest realm="r", nonce="n", algorithm=SHA3', "algorithm SHA3 is not known"],
  ["a name of the object prototype", 'Digest __proto__="r", nonce="n"', "the challenge has no realm or no nonce"],
] as const) {
  t.test(`${title}: not answered, and the reason is told`, async (t) => {
    t.equal(strongest([value], ALL, undefined), why);
  });
}

t.test("a challenge of another realm, or of an algorithm that is not allowed, is not answered", async (t) => {
  const value = 'Digest realm="evil.example", nonce="n", qop="auth"';
  t.equal(strongest([value], ALL, "contoso.com"), 'realm "evil.example" is not the configured one');
  t.equal(strongest([value], ["SHA-256"], undefined), "algorithm MD5 is not allowed");
});
