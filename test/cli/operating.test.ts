import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { destination } from "pino";
import t from "tap";
import { loadConfig } from "../../src/config/load.ts";
import { startGateway } from "../../src/daemon.ts";
import { SamplePool } from "../../src/demo/sample-pool.ts";
import { createLog } from "../../src/observe/log.ts";
import { closedPort } from "../doctor/examined.ts";
import { udpEnvironment } from "../support/udp-form.ts";
import { Place } from "./place.ts";
import { serveCommands } from "./served-commands.ts";

const PAGE = fileURLToPath(new URL("../../../docs/operating.md", import.meta.url));
const POOLS = { OLD: "gcpool.contoso.com", NEW: "pcpool.contoso.com", NEXT: "pcpool2.contoso.com" };

/** The page's commands, each block with the heading above it. */
async function blocks(): Promise<{ heading: string; script: string }[]> {
  const text = await readFile(PAGE, "utf8");
  let heading = "";
  return [...text.matchAll(/^## (.*)$|^```sh\n([\s\S]*?)^```$/gm)].flatMap(([, title, script]) => {
    if (title !== undefined) heading = title;
    return script === undefined ? [] : [{ heading, script }];
  });
}

t.test("every command of docs/operating.md does what the page says", async (t) => {
  const hosts: Record<string, string[]> = {};
  const pools = new Map<string, SamplePool>();
  for (const name of Object.values(POOLS)) {
    const pool = new SamplePool({ listen: { address: "127.0.0.1", port: 0 }, name });
    await pool.start();
    t.teardown(() => pool.close());
    pools.set(name, pool);
    hosts[name] = [`tcp:127.0.0.1:${pool.address.port}`];
  }
  const { port } = await closedPort();
  const listen = [{ transport: "tcp", host: "127.0.0.1", port }];
  const place = await Place.make(t, JSON.stringify({ listen, resolve: { hosts } }));
  await serveCommands(t, place);
  process.chdir(place.directory);
  t.teardown(() => process.chdir("/"));
  const log = join(place.directory, "waypost.log");
  const config = loadConfig({ file: join(place.directory, "waypost.yaml"), env: udpEnvironment, cwd: place.directory });
  const gateway = await startGateway(config, createLog("info", destination({ dest: log, sync: true })));
  t.teardown(() => gateway.stop());

  Object.assign(place.env, POOLS, { TESTER: "sip:tester@contoso.com", LOG: log });
  const done = new Map<string, string[]>();
  for (const { heading, script } of await blocks()) {
    const { out, err, status } = await place.shell(`set -e\n${script}`);
    t.equal(status, 0, `${heading}: ${script}\n${out}\n${err}`);
    done.set(heading, [...(done.get(heading) ?? []), out]);
    const revision = /^revision (\d+) /m.exec(out)?.[1];
    if (revision !== undefined) place.env["REVISION"] = revision;
  }
  const outputs = [...done.values()];
  const [before, friday, cutover, watch, back, later, last] = outputs;
  t.equal(outputs.length, 7);
  t.match(before?.[1], "Nothing is wrong.");
  t.match(before?.[2], /"status":200/);
  t.match(before?.[3], /would add sip:GC-1-PersistentChatService-1[\s\S]*\nadded sip:GC-1-PersistentChatService-1/);
  t.match(friday?.[0], `would change sip:ocschat@contoso.com\n  poolFqdn: ${POOLS.OLD} -> ${POOLS.NEW}\n`);
  t.match(cutover?.[0], "Nothing is wrong.");
  t.match(watch?.[0], /\bcurrent\b[\s\S]*CHG-4711: cutover[\s\S]*"target":"pcpool\.contoso\.com /);
  t.match(
    back?.[0],
    /would change [\s\S]*changed sip:ocschat[^\n]*\n {2}poolFqdn: pcpool\.contoso\.com -> gcpool\.contoso\.com\n$/,
  );
  t.match(back?.[1], /What if: .*GC-1-PersistentChatService-2/);
  t.match(later?.[0], /^(sip:\S+ +pcpool2\.contoso\.com .*\n){3}$/m);
  t.match(last?.[0], /sip:ocschat@contoso\.com .* retired 410 /);
  t.match(last?.[1], /removed sip:ocschat@contoso\.com[\s\S]*The history is unbroken/);
  t.match(pools.get(POOLS.OLD)?.stats, { invites: 2 }, "one call to the pool, one through the gateway");
  t.match(pools.get(POOLS.NEW)?.stats, { invites: 2 });
  t.equal(gateway.table.size, 2);
});

t.test("the page names no machine: what differs from place to place is a variable of its table", async (t) => {
  const text = await readFile(PAGE, "utf8");
  const named = new Set([...text.matchAll(/^\| `([A-Z_]+)` \|/gm)].map(([, name]) => name));
  const used = new Set((await blocks()).flatMap(({ script }) => script.match(/(?<=\$\{?)[A-Z_]+/g) ?? []));
  used.delete("REVISION");
  t.same([...used].sort(), [...named].filter((name) => name !== "WAYPOST_CONFIG").sort());
});
