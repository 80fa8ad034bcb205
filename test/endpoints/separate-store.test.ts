import { existsSync, readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import pino from "pino";
import t, { type Test } from "tap";
import { FileStore } from "../../src/endpoints/file-store.ts";
import { EndpointTable } from "../../src/endpoints/table.ts";
import type { StoreSettings } from "../../src/open-store.ts";
import { SeparateStore } from "../../src/separate-store.ts";
import { openSharedStore, STORE_PROGRAM } from "../../src/store-channel.ts";
import { StoreService } from "../../src/store-service.ts";
import { StoreProcesses } from "../../src/supervisor/stores.ts";
import { TableInForce } from "../../src/table-in-force.ts";
import { Folder } from "../support/certificates.ts";
import { eventually } from "../support/eventually.ts";
import { tableText } from "../support/gateway.ts";
import { descendants } from "../support/process-tree.ts";

const ROWS = 10_000;
const actor = { name: "alice", source: "cli" } as const;

/** Tells when the first rows of the table arrive. */
class Watched extends TableInForce {
  begun = (): void => undefined;

  override set(...row: Parameters<TableInForce["set"]>): void {
    this.begun();
    super.set(...row);
  }
}

t.test("a change that comes while the table is being handed over is served", async (t) => {
  const path = join(t.testdir(), "endpoints.json");
  const editor = new FileStore({ path });
  t.teardown(() => editor.close());
  const address = (i: number): string => `sip:room${i}@contoso.com`;
  const endpoint = (i: number) => ({ sipAddress: address(i), poolFqdn: "pool-a.contoso.com" });
  await editor.change(
    Array.from({ length: ROWS }, (_, i) => ({ kind: "add", endpoint: endpoint(i) }) as const),
    actor,
  );
  const store = separateStore(t, path);
  const table = new EndpointTable();
  const inForce = new Watched(table, store, pino({ enabled: false }));
  const begun = new Promise<void>((resolve) => {
    inForce.begun = resolve;
  });
  const loaded = inForce.load();
  await begun;
  await editor.change([{ kind: "set", sipAddress: address(1), fields: { poolFqdn: "pool-b.contoso.com" } }], actor);
  // The store looks at its file and takes the change in, while the table is still on its way.
  await store.health();
  await loaded;
  await eventually("the change", () => table.revision === 2 || undefined);
  t.equal(table.find("room1@contoso.com")?.poolFqdn, "pool-b.contoso.com");
});

/** Loses rows on their way, as a fault of ours would. */
class Lossy extends TableInForce {
  lose: string | undefined;

  override set(...[row]: Parameters<TableInForce["set"]>): void {
    if (row.sipAddress !== this.lose) super.set(row);
    else this.lose = undefined;
  }
}

t.test("a table that is not the store's is said to be wrong and is read again, until it is right", async (t) => {
  const path = join(t.testdir(), "endpoints.json");
  const editor = new FileStore({ path });
  t.teardown(() => editor.close());
  const add = (name: string) =>
    ({ kind: "add", endpoint: { sipAddress: `sip:${name}@contoso.com`, poolFqdn: "pool-a.contoso.com" } }) as const;
  await editor.change([add("one"), add("two")], actor);
  const store = separateStore(t, path);
  const log: { msg: string }[] = [];
  const write = (line: string) => log.push(JSON.parse(line));
  const table = new EndpointTable();
  const inForce = new Lossy(table, store, pino({}, { write }));
  t.teardown(() => inForce.stop());
  await inForce.load();
  inForce.lose = "sip:three@contoso.com";
  const { hash } = await editor.change([add("three")], actor);
  await eventually("the whole table", () => table.hash === hash || undefined);
  t.equal(table.find("three@contoso.com")?.poolFqdn, "pool-a.contoso.com");
  const wrong = log.filter(({ msg }) => msg.includes("is not that of the store; it is read again"));
  t.match(wrong, [{ level: 50, revision: 2, expected: hash }], "said once");
  await editor.change([add("four")], actor);
  await eventually("the next change", () => table.revision === 3 || undefined);
  t.equal(table.size, 4);
});

t.test(
  "a small file's store is in the process that serves, and moves out with all that is asked when the table grows",
  async (t) => {
    const path = join(t.testdir(), "endpoints.json");
    const stores = (): number[] =>
      descendants(process.pid).filter((pid) => {
        return readFileSync(`/proc/${pid}/cmdline`, "latin1").includes("store-process");
      });
    const add = (name: string) =>
      ({ kind: "add", endpoint: { sipAddress: `sip:${name}@contoso.com`, poolFqdn: "pool-a.contoso.com" } }) as const;
    const store = separateStore(t, path);
    const table = new EndpointTable();
    const inForce = new TableInForce(table, store, pino({ enabled: false }));
    t.teardown(() => inForce.stop());
    await inForce.load();
    await store.change([add("one")], actor);
    t.same(stores(), []);
    const editor = new FileStore({ path });
    t.teardown(() => editor.close());
    await editor.change(
      Array.from({ length: 400 }, (_, i) => add(`room${i}`)),
      actor,
    );
    // None of them is lost, whichever store carries it out.
    const [two, health, three] = await Promise.all([
      store.change([add("two")], actor),
      store.health(),
      store.change([add("three")], actor),
    ]);
    t.equal(stores().length, 1);
    t.same([two.revision, three.revision], [3, 4]);
    t.equal(health.state, "ok");
    await eventually("the whole table", () => (table.revision === 4 ? true : undefined));
    t.equal(table.size, 403);
    t.equal(table.hash, three.hash);
    await editor.change([add("four")], actor);
    await eventually("an edit after it", () => (table.revision === 5 ? true : undefined));
  },
);

t.test("several that serve share one store: every edit reaches all of them, in one order", async (t) => {
  // The name of a Unix socket must be short.
  const folder = (await Folder.make(t)).path;
  const processes = new StoreProcesses(folder);
  t.teardown(() => processes.kill());
  // As in a supervisor, which something else keeps alive.
  const alive = setInterval(() => undefined, 1000);
  t.teardown(() => clearInterval(alive));
  const settings = settingsOf(join(folder, "endpoints.json"));
  const socket = () => processes.at(settings, STORE_PROGRAM);
  const path = await socket();
  const members = await Promise.all(
    [1, 2, 3].map(async () => {
      const store = new SeparateStore(settings, (_settings, user) => openSharedStore(socket(), user));
      t.teardown(() => store.close());
      const table = new EndpointTable();
      const revisions: number[] = [];
      const inForce = new TableInForce(table, store, pino({ enabled: false }));
      await inForce.load();
      inForce.announce(
        "gateway",
        () => revisions.push(table.revision),
        () => ({}),
      );
      t.teardown(() => inForce.stop());
      return { store, table, revisions };
    }),
  );
  t.equal(await socket(), path, "there is one process");
  const edits = Array.from({ length: 30 }, (_, i) => {
    const endpoint = { sipAddress: `sip:room${i}@contoso.com`, poolFqdn: "pool-a.contoso.com" };
    return members[i % 3]!.store.change([{ kind: "add", endpoint }], actor);
  });
  const made = await Promise.all(edits);
  t.same(
    made.map(({ revision }) => revision).sort((a, b) => a - b),
    Array.from({ length: 30 }, (_, i) => i + 1),
  );
  for (const { table, revisions } of members) {
    await eventually("the last revision", () => (table.revision === 30 ? true : undefined));
    t.same(
      revisions,
      Array.from({ length: 30 }, (_, i) => i + 1),
    );
    t.equal(table.hash, made.find(({ revision }) => revision === 30)!.hash);
  }

  await t.test("one that closes leaves it to the others", async (t) => {
    await members[0]!.store.close();
    t.equal((await members[1]!.store.health()).state, "ok");
  });

  await t.test("those of an upgrade get another one; the old one ends with the last that it serves", async (t) => {
    processes.renew();
    t.not(await socket(), path);
    for (const { store } of members) await store.close();
    await eventually("its end", () => (existsSync(path) ? undefined : true));
    await processes.stop();
  });
});

t.test("one that comes while another follows gets the table, and the edit in between reaches both", async (t) => {
  const path = join(t.testdir(), "endpoints.json");
  const service = new StoreService(Promise.resolve(new FileStore({ path })));
  t.teardown(() => service.close());
  const heard: string[][] = [[], []];
  const follow = async (who: number): Promise<void> => {
    const done = new Promise<void>((resolve) => {
      const session = service.begin((message) => {
        if ("id" in message) resolve();
        else if ("done" in message) heard[who]!.push(`${message.begin ? "all of " : ""}${message.done?.revision}`);
      });
      session.receive({ id: 1, method: "follow", args: [] });
    });
    await done;
  };
  await follow(0);
  await writeFile(path, tableText([{ sipAddress: "sip:one@contoso.com", poolFqdn: "pool-a.contoso.com" }]));
  await follow(1);
  t.same(heard, [["all of 0", "1"], ["all of 1"]]);
});

/** The file's store in a process of its own, which ends with the test. */
function separateStore(t: Test, path: string): SeparateStore {
  const store = new SeparateStore(settingsOf(path));
  t.teardown(() => store.close());
  return store;
}

function settingsOf(path: string): StoreSettings {
  return {
    store: { kind: "file", path, history: 100 },
    listen: [{ transport: "udp", host: "127.0.0.1", port: 5060 }],
    resolve: { hosts: new Map(), servers: [] },
    engine: "embedded",
  } as never;
}
