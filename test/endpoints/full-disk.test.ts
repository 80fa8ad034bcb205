import { spawnSync } from "node:child_process";
import {
  closeSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  truncateSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t, { type Test } from "tap";
import { FileStore } from "../../src/endpoints/file-store.ts";
import type { RowChange } from "../../src/endpoints/store.ts";

const alice = { name: "alice", source: "cli" } as const;
const PAGE = 4096;
/** More than a change of this table takes. */
const MOST_PAGES = 40;
const mayMount = process.getuid?.() === 0 && process.platform === "linux";

/** A file system of its own with little room. */
function smallDisk(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), "waypost-disk-"));
  const { status, stderr } = spawnSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], {
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(stderr);
  t.teardown(() => {
    spawnSync("umount", [folder]);
    rmdirSync(folder);
  });
  return folder;
}

/** Fills a disk up to so many free pages. */
function fill(folder: string, freePages: number): void {
  const path = join(folder, "ballast");
  const file = openSync(path, "w");
  let size = 0;
  try {
    for (;;) size += writeSync(file, Buffer.alloc(PAGE));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
  }
  closeSync(file);
  truncateSync(path, Math.max(0, size - freePages * PAGE));
}

function add(name: string): RowChange {
  return { kind: "add", endpoint: { sipAddress: `${name}@contoso.com`, poolFqdn: "pcpool.contoso.com" } };
}

t.test(
  "however little room a disk has, a change is made whole or refused, and the next one with room is made",
  { skip: mayMount ? false : "only root on Linux may mount a small disk" },
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
      fill(folder, pages);
      const outcome = await store.change([add(`full${pages}`)], alice).catch((error: unknown) => error);
      if (outcome instanceof Error) {
        refused++;
        t.match(outcome, { code: "STORE_FULL", message: /endpoints\.json.*the disk is full/ });
        t.equal(readFileSync(path, "utf8"), before, `${pages} pages: the old table is untouched`);
        t.equal((await new FileStore({ path }).load()).endpoints.length, 100 + made);
      } else made++;
      const left = readdirSync(folder).filter((name) => /\.(tmp|lock|takeover)/.test(name));
      t.same(left, [], `${pages} pages: nothing is left behind`);
      rmSync(join(folder, "ballast"));
    }
    t.ok(refused > 0 && made > 0, `${refused} refused, ${made} made`);
    await store.change([add("room-again")], alice);
    t.equal((await new FileStore({ path }).load()).endpoints.length, 101 + made);
    t.match(await store.verifyHistory(), { newest: 2 + made, faults: [] });
  },
);
