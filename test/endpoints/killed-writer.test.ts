import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import fs from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import t from "tap";
import { FileStore } from "../../src/endpoints/file-store.ts";
import type { Actor, ChangeResult, RowChange } from "../../src/endpoints/store.ts";

/**
 * SIGKILL leaves a folder as the calls that were made so far have left it. So the folder is remembered before and after
 * each call that changes files, and in the middle of each write; every one of these states is then what a new process
 * finds.
 */

const alice: Actor = { name: "alice", source: "cli" };
const HISTORY = 4;
const SHM = "/dev/shm";

type State = ReadonlyMap<string, { readonly bytes: Buffer; readonly at: Date }>;

function add(name: string): RowChange {
  return { kind: "add", endpoint: { sipAddress: `${name}@contoso.com`, poolFqdn: "pcpool.contoso.com" } };
}

function place(t: { teardown(undo: () => unknown): void }): string {
  const base = statSync(SHM, { throwIfNoEntry: false })?.isDirectory() ? SHM : tmpdir();
  const folder = mkdtempSync(join(base, "waypost-kill-"));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

interface Scenario {
  readonly name: string;
  readonly before: (path: string) => Promise<void>;
  readonly act: (store: FileStore) => Promise<ChangeResult>;
}

const addNew = (store: FileStore) => store.change([add("new")], alice);
const settle = (decision: "accept" | "restore") => (store: FileStore) => store.settle(decision, alice);
const lostTable = async (path: string): Promise<void> => {
  await changes(path, 2);
  rmSync(path);
};

const SCENARIOS: readonly Scenario[] = [
  { name: "the first change of all", before: async () => undefined, act: addNew },
  { name: "a change of a table with a history", before: (path) => changes(path, 2), act: addNew },
  {
    name: "a change after an edit by hand",
    before: async (path) => {
      await changes(path, 2);
      const text = readFileSync(path, "utf8");
      writeFileSync(path, text.replace("pcpool.contoso.com", "by-hand.contoso.com"));
    },
    act: addNew,
  },
  // One tenth more than the bound may stand there; the next change drops what is beyond the bound.
  { name: "a change that drops old history", before: (path) => changes(path, HISTORY + 1), act: addNew },
  { name: "an undo", before: (path) => changes(path, 2), act: (store) => store.undo(2, alice) },
  { name: "a lost table that is restored", before: lostTable, act: settle("restore") },
  { name: "a lost table whose loss is accepted", before: lostTable, act: settle("accept") },
];

async function changes(path: string, count: number): Promise<void> {
  const store = new FileStore({ path, history: HISTORY });
  for (let i = 0; i < count; i++) await store.change([add(`room${i}`)], alice);
}

for (const { name, before, act } of SCENARIOS) {
  t.test(`SIGKILL at any point of ${name} leaves the old table or the new one`, async (t) => {
    const folder = place(t);
    const path = join(folder, "endpoints.json");
    await before(path);
    const old = await hashAt(path);
    const states: State[] = [];
    const stop = await watchCalls(() => states.push(stateOf(folder)));
    let hash: string;
    try {
      ({ hash } = await act(new FileStore({ path, history: HISTORY })));
    } finally {
      stop();
    }
    const seen = new Set<string>();
    const wrong: string[] = [];
    for (const [point, state] of states.entries()) {
      const there = join(place(t), "endpoints.json");
      restore(dirname(there), state);
      try {
        const found = await hashAt(there);
        seen.add(found);
        if (found !== old && found !== hash) wrong.push(`${point}: neither the old table nor the new one`);
        const store = new FileStore({ path: there, history: HISTORY });
        if (found === LOST) await act(store);
        const { revision } = await store.load();
        const next = await store.change([add("next")], alice);
        if (next.revision <= revision) wrong.push(`${point}: revision ${next.revision} after ${revision}`);
        wrong.push(...(await store.verifyHistory()).faults.map((fault) => `${point}: ${fault}`));
        const left = readdirSync(dirname(there)).filter((each) => /\.(tmp|lock|takeover)$/.test(each));
        if (left.length > 0) wrong.push(`${point}: ${left} is left`);
      } catch (error) {
        wrong.push(`${point}: ${(error as Error).message}`);
      }
    }
    t.same(wrong, []);
    t.same(seen, new Set([old, hash]), "both tables were met");
    t.ok(states.length > 40, `${states.length} points`);
    t.comment(`${states.length} points`);
  });
}

/** In place of the hash of a table that is lost, until a person has decided about it. */
const LOST = "lost";

async function hashAt(path: string): Promise<string> {
  try {
    return (await new FileStore({ path, history: HISTORY }).load()).hash;
  } catch (error) {
    if ((error as { code?: string }).code === "TABLE_SUSPICIOUS") return LOST;
    throw error;
  }
}

/** Calls `look` around every call that changes files, and within every write. Returns the end of it. */
async function watchCalls(look: () => void): Promise<() => void> {
  type Calls = Record<string, (this: unknown, ...args: never[]) => unknown>;
  const undo: (() => void)[] = [];
  let isInside = false;
  const wrap = (
    owner: object,
    name: string,
    inside?: (real: Calls[string], self: unknown, args: never[]) => unknown,
  ) => {
    const calls = owner as Calls;
    const real = calls[name]!;
    calls[name] = async function (this: unknown, ...args: never[]) {
      // A call of Node's own inside of another one is no point of its own.
      if (isInside) return real.apply(this, args);
      isInside = true;
      look();
      const result = await (inside === undefined ? real.apply(this, args) : inside(real, this, args));
      isInside = false;
      look();
      return result;
    };
    undo.push(() => {
      calls[name] = real;
    });
  };
  const writeFile = fs.writeFile;
  const probe = await fs.open("/dev/null");
  const handle = Object.getPrototypeOf(probe) as object;
  await probe.close();
  for (const name of ["rename", "rm", "unlink", "mkdir", "open", "truncate", "utimes"]) wrap(fs, name);
  wrap(fs, "copyFile", async (real, self, args) => {
    const [from, to] = args as unknown as [string, string];
    const bytes = readFileSync(from);
    await writeFile(to, bytes.subarray(0, bytes.length / 2));
    look();
    return real.apply(self, args);
  });
  wrap(fs, "writeFile", async (real, self, args) => {
    const [to, data, ...rest] = args as unknown as [string, string | Buffer, ...unknown[]];
    const bytes = Buffer.from(data as string);
    const appends = (rest[0] as { flag?: string } | undefined)?.flag?.startsWith("a") === true;
    let written = 0;
    for (const share of PARTS) {
      const end = Math.floor(bytes.length * share);
      await real.apply(self, [to, bytes.subarray(appends ? written : 0, end), ...rest] as never[]);
      written = end;
      look();
    }
    return real.apply(self, [to, bytes.subarray(appends ? written : 0), ...rest] as never[]);
  });
  for (const name of ["sync", "truncate", "chmod", "chown", "close"]) wrap(handle, name);
  wrap(handle, "write", async (real, self, args) => {
    const [bytes, offset, length, position] = args as unknown as [Buffer, number, number, number];
    for (const share of PARTS) {
      await real.apply(self, [bytes, offset, Math.floor(length * share), position] as never[]);
      look();
    }
    return real.apply(self, args);
  });
  for (const name of ["appendFile", "writeFile"]) {
    wrap(handle, name, async (real, self, args) => {
      const bytes = Buffer.from(args[0] as unknown as string);
      let written = 0;
      for (const share of PARTS) {
        const end = Math.floor(bytes.length * share);
        await real.apply(self, [bytes.subarray(written, end)] as never[]);
        written = end;
        look();
      }
      return real.apply(self, [bytes.subarray(written)] as never[]);
    });
  }
  syncBuiltinESMExports();
  return () => {
    for (const each of undo) each();
    syncBuiltinESMExports();
  };
}

const PARTS = [0.01, 0.25, 0.5, 0.75, 0.99];

function stateOf(folder: string): State {
  const state = new Map<string, { bytes: Buffer; at: Date }>();
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    state.set(name, { bytes: readFileSync(path), at: statSync(path, { bigint: true }).mtime });
  }
  return state;
}

/** A lock that is not complete counts as left behind when it is some seconds old. */
function restore(folder: string, state: State): void {
  for (const [name, { bytes, at }] of state) {
    const path = join(folder, name);
    writeFileSync(path, bytes);
    // Times travel as fractions of a second; half a millisecond keeps them from losing a whole one.
    const exact = (at.getTime() + 0.5) / 1000;
    const when = name.includes(".lock") ? new Date(Date.now() - 10_000) : exact;
    utimesSync(path, when, when);
  }
}
