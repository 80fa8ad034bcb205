import t from "tap";
import { SamplePool } from "../../src/demo/sample-pool.ts";
import { closedPort } from "../doctor/examined.ts";
import { Place } from "./place.ts";

/** A place where `up.contoso.com` answers and `down.contoso.com` does not. */
async function guarded(t: Parameters<typeof Place.make>[0]): Promise<Place> {
  const pool = new SamplePool({ listen: { address: "127.0.0.1", port: 0 } });
  await pool.start();
  t.teardown(() => pool.close());
  const dead = await closedPort();
  return Place.make(
    t,
    JSON.stringify({
      listen: [{ transport: "tcp", host: "127.0.0.1", port: 5060 }],
      resolve: {
        hosts: {
          "up.contoso.com": [`tcp:127.0.0.1:${pool.address.port}`],
          "down.contoso.com": [`tcp:127.0.0.1:${dead.port}`],
        },
      },
    }),
  );
}

const add = (pool: string, ...more: string[]) => ["endpoint", "add", "a@contoso.com", pool, ...more];

t.test("a pool that answers is taken", async (t) => {
  const place = await guarded(t);
  t.match(await place.waypost(add("up.contoso.com")), { status: 0, err: "" });
});

t.test("a pool that does not answer is refused, also by a dry run, and nothing is changed", async (t) => {
  const place = await guarded(t);
  for (const more of [[], ["--dry-run"]]) {
    const { out, err, status } = await place.waypost(add("down.contoso.com", ...more));
    t.strictSame({ out, status }, { out: "", status: 1 });
    t.match(err, /^waypost: pool down\.contoso\.com \(of sip:a@contoso\.com\) does not answer: connection refused by /);
    t.match(err, /--force and --reason/);
  }
  t.equal((await place.waypost(["endpoint", "list", "--json"])).out, "");
});

t.test("--force with a --reason passes over it; without a reason it does not", async (t) => {
  const place = await guarded(t);
  t.match(await place.waypost(add("down.contoso.com", "--force")), { status: 1, err: /why with --reason/ });
  t.match(await place.waypost(add("down.contoso.com", "--force", "--reason", "not up yet")), { status: 0 });
});

t.test("what serves nobody yet, and what leads nowhere else, is not asked for", async (t) => {
  const place = await guarded(t);
  t.match(await place.waypost(add("down.contoso.com", "--disabled")), { status: 0 });
  const set = (...words: string[]) => place.waypost(["endpoint", "set", "a@contoso.com", ...words]);
  t.match(await set("--display-name", "Rooms"), { status: 0 });
  t.match(await set("--enable"), { status: 1, err: /down\.contoso\.com.*does not answer/ });
  t.match(await set("--pool", "up.contoso.com", "--enable"), { status: 0 });
  t.match(await set("--port", "5070"), { status: 0 }, "static hosts name their ports themselves");
  t.match(await place.waypost(["endpoint", "retire", "a@contoso.com"]), { status: 0 });
  t.match(await set("--pool", "down.contoso.com"), { status: 0 }, "a retired endpoint leads nowhere");
});

t.test("a backup pool that is down is a warning only", async (t) => {
  const place = await guarded(t);
  t.match(await place.waypost(add("up.contoso.com", "--backup-pool", "down.contoso.com")), {
    status: 0,
    err: /^warning: backup pool down\.contoso\.com .*does not answer/,
  });
});

t.test("an import names every pool that is silent, once, and an undo is guarded too", async (t) => {
  const place = await guarded(t);
  const line = (user: string, pool: string) => `${user}@contoso.com,${pool}.contoso.com\n`;
  await place.write("x.csv", `SipAddress,Pool\n${line("a", "down")}${line("b", "up")}${line("c", "down")}`);
  const file = `${place.directory}/x.csv`;
  const { err, status } = await place.waypost(["import", file]);
  t.equal(status, 1);
  t.match(err, "pool down.contoso.com (of sip:a@contoso.com and 1 more) does not answer");
  t.notMatch(err, "up.contoso.com");
  t.match(await place.waypost(["import", file, "--force", "--reason", "CHG-1"]), { status: 0 });
  t.match(await place.waypost(["endpoint", "remove", "a@contoso.com"]), { status: 0 });
  t.match(await place.waypost(["undo", "2"]), { status: 1, err: /down\.contoso\.com/ });
});

t.test("the cmdlets have the same guard, and the same way past it", async (t) => {
  const place = await guarded(t);
  const words = ["-Sip", "a@contoso.com", "-Pool", "down.contoso.com"];
  const create = (...more: string[]) => place.cmdlet("New-CsPersistentChatEndpoint", [...words, ...more]);
  t.match(await create(), { status: 1, err: /Pool down\.contoso\.com .*[\s\S]*POOL_SILENT,New-Cs/ });
  t.match(await create("-WhatIf"), { status: 1, out: "" });
  t.match(await create("-Force"), { status: 1, err: /-Reason/ });
  t.strictSame(await create("-Force", "-Reason", "not up yet"), { out: "", err: "", status: 0 });
});
