import t from "tap";
import { Authority } from "../support/certificates.ts";
import { Place } from "./place.ts";

const ca = await Authority.make();
const CONFIG = `listen:
  - { transport: tls, host: 127.0.0.1, port: 5061, advertise: gw.contoso.com, cert: gw.pem, key: gw.key, ca: ca.pem }
tls: { ca: ca.pem }
`;

async function place(t: Parameters<typeof Place.make>[0], validTo: number): Promise<Place> {
  const made = await Place.make(t, CONFIG);
  const { cert, key } = await ca.issue({ dns: ["gw.contoso.com"], validTo });
  await Promise.all([made.write("gw.pem", cert), made.write("gw.key", key), made.write("ca.pem", ca.pem)]);
  return made;
}

t.test("check lists when each certificate ends, and warns of what ends within 30 days", async (t) => {
  const good = await (await place(t, 100.5)).waypost(["check"]);
  t.equal(good.status, 0);
  t.match(
    good.out,
    /\n {2}certificate of gw\.contoso\.com \(\S*gw\.pem\) expires on \d{4}-\d\d-\d\d, in 100 days\n {2}CA Contoso Test CA \(/,
  );
  t.notMatch(good.err, /gw\.pem/);
  t.match(await (await place(t, 20.5)).waypost(["check"]), {
    status: 0,
    err: /^warning: certificate of gw\.contoso\.com \(\S*gw\.pem\) expires on \S+, in 20 days$/m,
  });
  t.match(await (await place(t, -0.5)).waypost(["check"]), {
    status: 0,
    err: /^warning: certificate of gw\.contoso\.com \(\S*gw\.pem\) expired on /,
  });
});

t.test(
  "a certificate that the gateway would not start with is an error, and the table is checked all the same",
  async (t) => {
    const broken = await place(t, 100);
    await broken.write("gw.key", (await ca.issue({ dns: ["x"] })).key);
    const { status, out, err } = await broken.waypost(["check"]);
    t.equal(status, 1);
    t.match(err, /gw\.key is not the key of \S*gw\.pem/);
    t.match(out, /endpoint table/);
  },
);

t.test("a listener whose name is not in its certificate is worth a warning", async (t) => {
  const made = await place(t, 100);
  await made.write("waypost.yaml", CONFIG.replace("advertise: gw.", "advertise: other."));
  const { status, err } = await made.waypost(["check"]);
  t.equal(status, 0);
  t.match(
    err,
    /^warning: tls 127\.0\.0\.1:5061 is known as other\.contoso\.com, and \S*gw\.pem is for gw\.contoso\.com$/m,
  );
});
