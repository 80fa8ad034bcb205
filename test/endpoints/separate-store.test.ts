import { join } from "node:path";
import pino from "pino";
import t, { type Test } from "tap";
import { FileStore } from "../../src/endpoints/file-store.ts";
import { EndpointTable } from "../../src/endpoints/table.ts";
import { SeparateStore } from "../../src/separate-store.ts";
import { TableInForce } from "../../src/table-in-force.ts";
import { eventually } from "../support/eventually.ts";

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

/** The file's store in a process of its own, which ends with the test. */
function separateStore(t: Test, path: string): SeparateStore {
  const store = new SeparateStore({
    store: { kind: "file", path, history: 100 },
    listen: [],
    resolve: { hosts: new Map(), servers: [] },
    engine: "embedded",
  } as never);
  t.teardown(() => store.close());
  return store;
}
