import { X509Certificate } from "node:crypto";
import t from "tap";
import { nameFault, sipIdentities } from "../../src/transport/tls/names.ts";
import { Authority, type Wanted } from "../support/certificates.ts";

const ca = await Authority.make();

async function certificate(wanted: Wanted): Promise<X509Certificate> {
  return new X509Certificate((await ca.issue(wanted)).cert);
}

t.test("a sip: URI in subjectAltName speaks for its host, and then DNS names do not (RFC 5922 §7.1)", async (t) => {
  const both = await certificate({ uris: ["sip:Contoso.com"], dns: ["pc01.contoso.com"] });
  t.same(sipIdentities(both), ["contoso.com"]);
  t.equal(nameFault("contoso.com", both), undefined);
  t.equal(nameFault("pc01.contoso.com", both), "showed a certificate for contoso.com, not for pc01.contoso.com");
});

t.test("a URI with a user, or of another scheme, is no domain; DNS names count then", async (t) => {
  const uris = ["sip:alice@contoso.com", "sips:contoso.com", "https://contoso.com/"];
  t.same(sipIdentities(await certificate({ uris, dns: ["pc01.contoso.com"] })), ["pc01.contoso.com"]);
});

t.test("the common name counts only without any subjectAltName", async (t) => {
  const old = await certificate({ commonName: "pcpool.contoso.com", altNames: false });
  t.equal(nameFault("pcpool.contoso.com", old), undefined);
  const unnamed = await certificate({ commonName: "pcpool.contoso.com", ips: ["192.0.2.1"] });
  t.match(nameFault("pcpool.contoso.com", unnamed), /^showed a certificate for no name, not for/);
});

t.test("names are compared without case and final dot, and as a whole", async (t) => {
  const pool = await certificate({ dns: ["PCPool.contoso.com"] });
  t.equal(nameFault("pcpool.CONTOSO.com.", pool), undefined);
  for (const other of ["contoso.com", "a.pcpool.contoso.com", "xpcpool.contoso.com"]) t.ok(nameFault(other, pool));
});

t.test("a pool given by its address needs that address in the certificate", async (t) => {
  const numeric = await certificate({ dns: ["pc01.contoso.com"], ips: ["192.0.2.1", "2001:db8::1"] });
  t.equal(nameFault("192.0.2.1", numeric), undefined);
  t.equal(nameFault("2001:0DB8:0::1", numeric), undefined);
  t.match(nameFault("192.0.2.2", numeric), /for pc01\.contoso\.com, 192\.0\.2\.1, 2001:db8::1, not for 192\.0\.2\.2$/);
});

t.test("a name that contains what looks like another entry stays one name", async (t) => {
  const tricky = await certificate({ dns: ["evil.example, DNS:pcpool.contoso.com"] });
  t.same(sipIdentities(tricky), ["evil.example, dns:pcpool.contoso.com"]);
  t.ok(nameFault("pcpool.contoso.com", tricky));
});
