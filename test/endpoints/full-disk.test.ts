import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { FileStore } from "../../src/endpoints/file-store.ts";
import type { RowChange } from "../../src/endpoints/store.ts";
import { CallStream } from "../live/call-stream.ts";
import { willingPool } from "../live/pool.ts";
import { GatewayProcess } from "../support/gateway.ts";
import { fillDisk, freeDisk, smallDisk, WITHOUT_DISKS } from "../support/small-disk.ts";

const alice = { name: "alice", source: "cli" } as const;
/** More than a change of this table takes. */
const MOST_PAGES = 40;
function add(name: string): RowChange {
  return { kind: "add", endpoint: { sipAddress: `${name}@contoso.com`, poolFqdn: "pcpool.contoso.com" } };
}

t.test(
  "however little room a disk has, a change is made whole or refused, and the next one with room is made",
  WITHOUT_DISKS,
  async (t) => {
    const folder = smallDisk(t);
    const path = join(folder, "endpoints.json");
    const store = new FileStore({ path });
    t.teardown(() => store.close());
    await store.change(
      Array.from({ length: 100 }, (_, i) => add(`room${i}`)),
      alice,
    );
    let [refused, made] = [0, 0];
    for (let pages = 0; pages <= MOST_PAGES; pages++) {
      const before = readFileSync(path, "utf8");
      fillDisk(folder, pages);
      const outcome = await store.change([add(`full${pages}`)], alice).catch((error: unknown) => error);
      if (outcome instanceof Error) {
        refused++;
        t.match(outcome, { code: "STORE_FULL", message: /endpoints\.json.*the disk is full/ });
        t.equal(readFileSync(path, "utf8"), before, `${pages} pages: the old table is untouched`);
        t.equal((await new FileStore({ path }).load()).endpoints.length, 100 + made);
      } else made++;
      const left = readdirSync(folder).filter((name) => /\.(tmp|lock|takeover)/.test(name));
      t.same(left, [], `${pages} pages: nothing is left behind`);
      freeDisk(folder);
    }
    t.ok(refused > 0 && made > 0, `${refused} refused, ${made} made`);
    await store.change([add("room-again")], alice);
    t.equal((await new FileStore({ path }).load()).endpoints.length, 101 + made);
    t.match(await store.verifyHistory(), { newest: 2 + made, faults: [] });
  },
);

t.test(
  "a gateway whose disk fills says so, serves on, refuses changes, and goes on when there is room",
  WITHOUT_DISKS,
  async (t) => {
    const folder = smallDisk(t);
    const path = join(folder, "endpoints.json");
    const [a, b] = [await willingPool(t, "pool-a"), await willingPool(t, "pool-b")];
    await new FileStore({ path }).change([add("ocschat")], alice);
    const gateway = await GatewayProcess.start(t, {
      hosts: { "pcpool.contoso.com": [a.target("udp")], "new.contoso.com": [b.target("tcp")] },
      settings: { store: { kind: "file", path } },
    });
    const calls = await CallStream.start(t, gateway.listeners, "sip:ocschat@contoso.com", 100);
    const edit = ["endpoint", "set", "ocschat@contoso.com", "--pool", "new.contoso.com"];

    fillDisk(folder, 0);
    t.match(await gateway.logged(({ level }) => level === 40), {
      msg: "the endpoint table serves, but not all that is kept beside it is written",
      reason: /endpoints\.json\.gateways: the disk is full/,
    });
    t.match(await gateway.waypost(edit), { status: 1, err: /the disk is full/ });
    const before = await calls.answeredAfter(performance.now());

    freeDisk(folder);
    await gateway.logged(({ msg }) => msg === "what was kept beside the endpoint table is written again");
    t.match(await gateway.waypost(edit), { status: 0 });
    await gateway.logged(({ msg, revision }) => /in force/.test(msg) && revision === 2);
    const after = await calls.answeredAfter(performance.now());
    const lost = await calls.end();
    t.equal(before.answer, "200 from pool-a");
    t.equal(after.answer, "200 from pool-b");
    t.same(lost, [], "every call is answered");
    t.same(
      calls.calls.filter(({ answer }) => !answer?.startsWith("200 from")),
      [],
      `${calls.calls.length} calls`,
    );
    t.equal(gateway.log.filter(({ level }) => level === 40).length, 1, "it is said once");
  },
);
