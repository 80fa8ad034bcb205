import { randomUUID } from "node:crypto";
import { open, readFile, rm, stat } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { WaypostError } from "../errors.ts";
import { isAlive, ownMark, type ProcessMark } from "./process-life.ts";

/** Who holds a lock, as the lock file says it. */
interface Holder extends ProcessMark {
  readonly at: string;
  readonly token: string;
}

/** Tokens of the locks that this process holds now. */
const held = new Set<string>();

/**
 * Does some work while holding a lock that excludes other processes: a file that exists only as long as the lock.
 * A lock whose process is dead is taken over. One from another host is never taken over, since nobody here can see
 * whether its process lives.
 * @param waitMs how long to wait for another holder
 * @throws WaypostError TABLE_LOCKED that names the holder; else what `work` or the file system throws
 */
export async function withFileLock<T>(lockFile: string, waitMs: number, work: () => Promise<T>): Promise<T> {
  const token = randomUUID();
  held.add(token);
  try {
    await acquire(lockFile, token, waitMs);
    try {
      return await work();
    } finally {
      await rm(lockFile, { force: true });
    }
  } finally {
    held.delete(token);
  }
}

async function acquire(lockFile: string, token: string, waitMs: number): Promise<void> {
  const deadline = performance.now() + waitMs;
  for (;;) {
    if (await create(lockFile, token)) {
      return;
    }
    const holder = await read(lockFile);
    if (holder !== undefined && (await isStale(holder, lockFile))) {
      await takeAway(lockFile);
      continue;
    }
    if (performance.now() >= deadline) {
      const who =
        typeof holder === "object" ? `process ${holder.pid} on ${holder.host} since ${holder.at}` : "another process";
      throw new WaypostError("TABLE_LOCKED", `${lockFile} is held by ${who}`);
    }
    await sleep(10 + Math.random() * 20);
  }
}

async function create(lockFile: string, token: string): Promise<boolean> {
  const holder: Holder = { ...ownMark(), at: new Date().toISOString(), token };
  try {
    const handle = await open(lockFile, "wx", 0o644);
    try {
      await handle.writeFile(`${JSON.stringify(holder)}\n`);
    } catch (error) {
      await rm(lockFile, { force: true });
      throw error;
    } finally {
      await handle.close();
    }
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") {
      return false;
    }
    throw error;
  }
}

/** The holder; "unreadable" when the file is not (yet) complete; undefined when it is gone. */
async function read(lockFile: string): Promise<Holder | "unreadable" | undefined> {
  let text: string;
  try {
    text = await readFile(lockFile, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") {
      return undefined;
    }
    throw error;
  }
  try {
    const holder = JSON.parse(text) as Partial<Holder> | null;
    return typeof holder?.pid === "number" && typeof holder.host === "string" ? (holder as Holder) : "unreadable";
  } catch {
    return "unreadable";
  }
}

/** A process writes its lock file in one go; one that is still incomplete after this time never will be complete. */
const INCOMPLETE_MS = 2000;

async function isStale(holder: Holder | "unreadable", lockFile: string): Promise<boolean> {
  if (holder === "unreadable") {
    const found = await stat(lockFile).catch(() => undefined);
    return found !== undefined && Date.now() - found.mtimeMs > INCOMPLETE_MS;
  }
  const lives = isAlive(holder);
  return lives === false || (lives === true && holder.pid === process.pid && !held.has(holder.token));
}

/**
 * Removes a stale lock. Two processes may find it stale at once, and the slower one must not remove the lock that the
 * faster one has made since; so whoever removes holds a second lock file and looks again.
 */
async function takeAway(lockFile: string): Promise<void> {
  const guard = `${lockFile}.takeover`;
  let handle: Awaited<ReturnType<typeof open>>;
  try {
    handle = await open(guard, "wx", 0o644);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") {
      throw error;
    }
    const found = await stat(guard).catch(() => undefined);
    if (found !== undefined && Date.now() - found.mtimeMs > 2 * INCOMPLETE_MS) {
      await rm(guard, { force: true });
    }
    await sleep(10 + Math.random() * 20);
    return;
  }
  try {
    const holder = await read(lockFile);
    if (holder !== undefined && (await isStale(holder, lockFile))) {
      await rm(lockFile, { force: true });
    }
  } finally {
    await handle.close();
    await rm(guard, { force: true });
  }
}
