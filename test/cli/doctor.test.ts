import t from "tap";
import { SamplePool } from "../../src/demo/sample-pool.ts";
import { Place } from "./place.ts";

t.test("doctor tells each step with its time, and what to do where one fails", async (t) => {
  const pool = new SamplePool({ listen: { address: "127.0.0.1", port: 0 } });
  await pool.start();
  t.teardown(() => pool.close());
  const port = pool.address.port;
  const config = {
    listen: [{ transport: "tcp", host: "127.0.0.1", port: 0 }],
    resolve: { hosts: { "pcpool.contoso.com": [`tcp:127.0.0.1:${port}`] } },
  };
  const place = await Place.make(t, JSON.stringify(config));
  await place.waypost(["endpoint", "add", "ocschat@contoso.com", "pcpool.contoso.com", "--display-name", "Rooms"]);

  const well = await place.waypost(["doctor", "rooms", "--call", "tester@contoso.com"]);
  t.match(well, { status: 0, err: "" });
  const steps = ["table", "resolve", "connect", "options", "call"].map(
    (step) => `ok +${step} .*\\(\\d+\\.?\\d* ms\\)\n`,
  );
  t.match(well.out, new RegExp(`^${steps.join("")}\nNothing is wrong\\.\n$`));
  const [report] = [JSON.parse((await place.waypost(["doctor", "ocschat@contoso.com", "--json"])).out)];
  t.match(report, { address: "ocschat@contoso.com", ok: true, steps: [{ name: "table", outcome: "ok", ms: Number }] });

  await pool.close();
  const ill = await place.waypost(["doctor", "ocschat@contoso.com"]);
  t.equal(ill.status, 1);
  t.match(
    ill.out,
    /^FAILED +connect +connection refused by 127\.0\.0\.1:\d+ \(.* ms\)\n {17}See that the pool's service/m,
  );
  t.match(ill.out, /\n1 of 3 steps failed\.\n$/);
  t.match(await place.waypost(["doctor", "nobody@contoso.com"]), {
    status: 1,
    out: /FAILED +table +nobody@contoso\.com/,
  });
  t.match(await place.waypost(["doctor", "rooms", "--call", "x y"]), { status: 1, err: /SIP address "x y"/ });
});
