import { join } from "node:path";
import pino from "pino";
import t from "tap";
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
  const store = new SeparateStore({
    store: { kind: "file", path, history: 100 },
    listen: [],
    resolve: { hosts: new Map(), servers: [] },
    engine: "embedded",
  } as never);
  t.teardown(() => store.close());
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
