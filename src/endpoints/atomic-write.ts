import { createHash } from "node:crypto";
import { access, constants, type FileHandle, open, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { clearTemporaries, ownTemporary } from "./own-temporary.ts";

/**
 * Replaces a file so that at every moment, a crash included, it holds either the old or the new content: a temporary
 * file in the same folder, fsync, rename, fsync of the folder. Mode and, where permitted, owner of the old file are kept.
 * The caller holds a lock: the temporary name `<path>.tmp` is the same for every writer, so that what a killed one
 * left behind is cleared by the next.
 * @param check called right before the file is replaced; what it throws keeps that from happening
 * @returns the SHA-256 of what was written, in hex
 * @throws the system's error; the old file is then untouched and no temporary file is left
 */
export async function atomicWrite(
  path: string,
  pieces: Iterable<string>,
  check?: () => Promise<void>,
): Promise<string> {
  await rm(`${path}.tmp`, { force: true });
  return write(path, `${path}.tmp`, pieces, check);
}

/**
 * Replaces a file as {@link atomicWrite} does, for callers that hold no lock: several processes may write at once, and
 * the file is what the last of them wrote, whole.
 * @throws the system's error; the old file is then untouched and no temporary file is left
 */
export async function atomicWriteUnlocked(path: string, pieces: Iterable<string>): Promise<void> {
  await clearTemporaries(path);
  await write(path, ownTemporary(path), pieces);
}

async function write(
  path: string,
  temporary: string,
  pieces: Iterable<string>,
  check?: () => Promise<void>,
): Promise<string> {
  const old = await stat(path).catch(() => undefined);
  if (old !== undefined) {
    // A rename asks only the folder's permission; a file marked read-only is meant to stay as it is.
    await access(path, constants.W_OK);
  }
  const hash = createHash("sha256");
  const handle = await open(temporary, "wx", 0o644);
  try {
    try {
      if (old !== undefined) {
        await keepOwner(handle, old.uid, old.gid);
        await handle.chmod(old.mode & 0o7777);
      }
      for (const piece of pieces) {
        const bytes = Buffer.from(piece);
        hash.update(bytes);
        await handle.appendFile(bytes);
      }
      await handle.sync();
    } finally {
      await handle.close();
    }
    await check?.();
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw error;
  }
  await syncFolder(dirname(path));
  return hash.digest("hex");
}

/** An administrator's edit as root must not take the file away from the service's own user. */
async function keepOwner(handle: FileHandle, uid: number, gid: number): Promise<void> {
  const mine = await handle.stat();
  if (mine.uid !== uid || mine.gid !== gid) {
    await handle.chown(uid, gid).catch(() => undefined);
  }
}

/** Makes the rename itself durable. File systems that cannot sync a folder say EINVAL or EPERM. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "EINVAL" && code !== "EPERM") {
      throw error;
    }
  } finally {
    await handle.close();
  }
}
