import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";
import { withFileLock } from "../../src/endpoints/file-lock.ts";
import { FileStore } from "../../src/endpoints/file-store.ts";

const WRITER = fileURLToPath(new URL("./writer.js", import.meta.url));
const AT = "2025-01-31T12:00:00.000Z";

function lockText(holder: Record<string, unknown>): string {
  return JSON.stringify({ host: hostname(), at: AT, token: "x", ...holder });
}

/** The pid of a process that has ended. */
function deadPid(): number {
  return spawnSync(process.execPath, ["-e", ""]).pid;
}

t.test("several processes that write at once lose nothing", async (t) => {
  const path = join(t.testdir(), "endpoints.json");
  const writers = ["a", "b", "c"].map((prefix) =>
    spawn(process.execPath, [WRITER, path, prefix, "15"], { stdio: "inherit" }),
  );
  const exits = await Promise.all(writers.map((writer) => once(writer, "exit")));
  t.same(
    exits.map(([code]) => code),
    [0, 0, 0],
  );
  const { revision, endpoints } = await new FileStore({ path }).load();
  t.equal(endpoints.length, 45);
  t.equal(revision, 45);
});

t.test("a lock that stays held is reported with its holder", async (t) => {
  const lock = join(t.testdir(), "x.lock");
  writeFileSync(lock, lockText({ pid: process.ppid }));
  await t.rejects(
    withFileLock(lock, 50, async () => t.fail("ran")),
    {
      code: "TABLE_LOCKED",
      message: `${lock} is held by process ${process.ppid} on ${hostname()} since ${AT}`,
    },
  );
  t.ok(existsSync(lock));
});

t.test("a lock is waited for", async (t) => {
  const lock = join(t.testdir(), "x.lock");
  const order: string[] = [];
  let second: Promise<unknown> = Promise.resolve();
  await withFileLock(lock, 0, async () => {
    second = withFileLock(lock, 60_000, async () => order.push("second"));
    // Long enough for the second to find the lock held; the order holds in any case.
    await new Promise((resolve) => setTimeout(resolve, 50));
    order.push("first");
  });
  await second;
  t.same(order, ["first", "second"]);
  t.notOk(existsSync(lock));
});

t.test("a lock is given back when the work fails", async (t) => {
  const lock = join(t.testdir(), "x.lock");
  await t.rejects(
    withFileLock(lock, 0, async () => {
      throw new Error("no");
    }),
    { message: "no" },
  );
  t.notOk(existsSync(lock));
});

t.test("the lock of a dead process is taken over", async (t) => {
  const lock = join(t.testdir(), "x.lock");
  writeFileSync(lock, lockText({ pid: deadPid() }));
  t.equal(await withFileLock(lock, 5000, async () => "done"), "done");
});

t.test("the lock of an earlier process with the same pid is taken over", async (t) => {
  const lock = join(t.testdir(), "x.lock");
  writeFileSync(lock, lockText({ pid: process.pid }));
  t.equal(await withFileLock(lock, 5000, async () => "done"), "done");
  writeFileSync(lock, lockText({ pid: process.ppid, started: "1" }));
  t.equal(await withFileLock(lock, 5000, async () => "done"), "done");
});

t.test("the lock of another host is never taken over", async (t) => {
  const lock = join(t.testdir(), "x.lock");
  writeFileSync(lock, lockText({ pid: deadPid(), host: "elsewhere" }));
  await t.rejects(
    withFileLock(lock, 50, async () => t.fail("ran")),
    { code: "TABLE_LOCKED", message: /on elsewhere/ },
  );
});

t.test("a stale lock is taken over by one of several, the others wait", async (t) => {
  const lock = join(t.testdir(), "x.lock");
  writeFileSync(lock, lockText({ pid: deadPid() }));
  let inside = 0;
  let most = 0;
  await Promise.all(
    Array.from({ length: 8 }, () =>
      withFileLock(lock, 60_000, async () => {
        most = Math.max(most, ++inside);
        await new Promise(setImmediate);
        inside--;
      }),
    ),
  );
  t.equal(most, 1);
});

t.test("a disk that takes no more leaves the old table, says so and leaves no litter", async (t) => {
  const path = join(t.testdir(), "endpoints.json");
  const rows = Array.from({ length: 20 }, (_, i) => ({ sipAddress: `a${i}@contoso.com`, poolFqdn: "x.contoso.com" }));
  writeFileSync(path, JSON.stringify({ endpoints: rows }));
  const before = readFileSync(path, "utf8");
  // The shell's limit on file size stands in for a full disk: eight blocks of 512 bytes, less than the new table needs.
  // NODE_OPTIONS goes, since what the test runner puts there writes files of its own.
  const limited = `ulimit -f 8; unset NODE_OPTIONS; exec "${process.execPath}" "${WRITER}" "${path}" new 1`;
  const result = spawnSync("sh", ["-c", limited], { encoding: "utf8" });
  t.equal(result.status, 1);
  t.match(result.stderr, /^STORE_FULL cannot write .*endpoints.json: /);
  t.equal(readFileSync(path, "utf8"), before);
  t.notOk(existsSync(`${path}.tmp`));
  t.notOk(existsSync(`${path}.lock`));
});
