import { FileStore } from "../../src/endpoints/file-store.ts";

/** Adds `count` endpoints, one change each, to the table at `path`: a process of its own for the tests of the lock. */
const [path = "", prefix = "", count = "0"] = process.argv.slice(2);
const store = new FileStore({ path, lockWaitMs: 60_000 });
for (let i = 0; i < Number(count); i++) {
  const endpoint = { sipAddress: `${prefix}${i}@contoso.com`, poolFqdn: "pcpool.contoso.com" };
  try {
    await store.change([{ kind: "add", endpoint }], { name: prefix, source: "cli" });
  } catch (error) {
    console.error((error as { code?: string }).code, (error as Error).message);
    process.exit(1);
  }
}
