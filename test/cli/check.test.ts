import t from "tap";
import { Place } from "./place.ts";

const endpoints = (...rows: object[]) => JSON.stringify({ endpoints: rows });

t.test("a right configuration and table: what was checked, and nothing else", async (t) => {
  const place = await Place.make(t);
  await place.waypost(["endpoint", "add", "ocschat@contoso.com", "pcpool.contoso.com"]);
  const { out, err, status } = await place.waypost(["check"]);
  t.strictSame({ err, status }, { err: "", status: 0 });
  t.match(out, /^configuration .*waypost\.yaml: valid\n {2}listen udp 127\.0\.0\.1:5060 as gw\.contoso\.com\n/);
  t.match(out, /endpoint table .*endpoints\.json: valid\n {2}1 endpoint, revision 1\n$/);
});

t.test("a wrong configuration: every reason with file, line and column, exit status 1", async (t) => {
  const place = await Place.make(t, "listen:\n  - { transport: udp, host: 127.0.0.1, port: 99999 }\nengin: embedded\n");
  const { out, err, status } = await place.waypost(["check"]);
  t.strictSame({ out, status }, { out: "", status: 1 });
  t.match(err, /^\S*waypost\.yaml:2:\d+: .*port/m);
  t.match(err, /^\S*waypost\.yaml:3:1: .*engine/m);
});

t.test("a wrong table: every reason with file, line and column, exit status 1", async (t) => {
  const place = await Place.make(t);
  await place.write("endpoints.json", '{ "endpoints": [\n  { "sipAddress": "nobody", "poolFqdn": "" }\n] }\n');
  const { out, err, status } = await place.waypost(["check"]);
  t.equal(status, 1);
  t.match(out, /^configuration .*: valid\n/, "the configuration is right all the same");
  t.match(err, /^\S*endpoints\.json:2:\d+: .*nobody/m);
  t.match(err, /^\S*endpoints\.json:2:\d+: .*pool/m);
});

t.test("a table that is no JSON is refused with the place", async (t) => {
  const place = await Place.make(t);
  await place.write("endpoints.json", '{ "endpoints": [\n  oops\n] }\n');
  t.match(await place.waypost(["check"]), { status: 1, err: /endpoints\.json:2:3: / });
});

t.test("an endpoint that points at the gateway itself is an error", async (t) => {
  const place = await Place.make(t);
  await place.write("endpoints.json", endpoints({ sipAddress: "sip:a@contoso.com", poolFqdn: "gw.contoso.com" }));
  t.match(await place.waypost(["check"]), { status: 1, err: /gw\.contoso\.com.* is this gateway itself/ });
});

t.test("what is worth a second look is a warning on standard error, exit status 0", async (t) => {
  const place = await Place.make(t);
  t.match(await place.waypost(["check"]), { status: 0, err: /^warning: .*endpoints\.json does not exist yet/ });
  await place.write("endpoints.json", endpoints());
  t.match(await place.waypost(["check"]), { status: 0, err: /^warning: there are no endpoints/ });
  await place.write(
    "endpoints.json",
    endpoints(
      { sipAddress: "sip:a@contoso.com", poolFqdn: "pcpool.contoso.com", enabled: false },
      { sipAddress: "sip:b@contoso.com", poolFqdn: "192.0.2.1", backupPool: "B.contoso.com" },
    ),
  );
  const { err, status } = await place.waypost(["check"]);
  t.equal(status, 0);
  t.equal(
    err,
    "warning: endpoint sip:a@contoso.com is disabled\n" +
      "warning: pool b.contoso.com (sip:b@contoso.com) is not in resolve.hosts; calls to it need DNS\n",
  );
  await place.write(
    "waypost.yaml",
    "listen:\n  - { transport: udp, host: 127.0.0.1, port: 5060 }\nstore: { kind: file, path: endpoints.json }\n",
  );
  t.equal((await place.waypost(["check"])).err, "warning: endpoint sip:a@contoso.com is disabled\n", "DNS is meant");
});

t.test("a configuration that is not there", async (t) => {
  const place = await Place.make(t);
  t.match(await place.waypost(["check", "--config", "/nowhere/w.yaml"]), {
    out: "",
    status: 1,
    err: /^waypost: .*\/nowhere\/w\.yaml.*\n.*--config FILE/,
  });
});

t.test("--json prints what was found as one object", async (t) => {
  const place = await Place.make(t);
  await place.write("endpoints.json", "{}");
  const broken = await place.waypost(["check", "--json"]);
  t.equal(broken.status, 1);
  t.match(JSON.parse(broken.out), { ok: false, configuration: String, errors: [{ code: "TABLE_INVALID" }] });
  await place.write("endpoints.json", '{ "endpoints": [{ "sipAddress": "a@b.c", "poolFqdn": "p.b.c" }] }');
  const good = await place.waypost(["check", "--json"]);
  t.strictSame({ err: good.err, status: good.status }, { err: "", status: 0 });
  t.match(JSON.parse(good.out), { ok: true, endpoints: 1, errors: [], warnings: [/p\.b\.c/] });
});

t.test("limits without trusted on a listener beyond loopback are worth a warning", async (t) => {
  const open = "{ transport: udp, host: 0.0.0.0, port: 5060, advertise: gw.contoso.com }";
  const trusting = "{ transport: tcp, host: 0.0.0.0, port: 5060, advertise: gw.contoso.com, trusted: [10.1.0.0/16] }";
  const place = await Place.make(t, `listen:\n  - ${open}\n  - ${trusting}\n`);
  const { err, status } = await place.waypost(["check"]);
  t.equal(status, 0);
  t.match(err, /^warning: listener udp 0\.0\.0\.0:5060 has no `trusted`: .*front ends and balancers/m);
  t.notMatch(err, /listener tcp/);
});
