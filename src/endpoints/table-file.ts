import { createHash } from "node:crypto";
import { constants, copyFile, readFile, realpath, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { WaypostError } from "../errors.ts";
import { adoptRows } from "./adopt-rows.ts";
import { atomicWrite } from "./atomic-write.ts";
import { fileError } from "./file-error.ts";
import type { Endpoint } from "./model.ts";
import { readNote, revisionOf, writeNote } from "./revision-note.ts";
import type { IsSelf } from "./row-schema.ts";
import type { TableSnapshot } from "./store.ts";
import { EMPTY_TABLE_HASH, hashOf } from "./table-hash.ts";
import { parseTable, tableText } from "./table-text.ts";

/** The table as it was read last, and what tells whether the file still holds it. */
export interface Known extends TableSnapshot {
  /** File identity, size and times; undefined when there is no file, or when it is too fresh to rely on its times. */
  readonly signature: string | undefined;
  /** SHA-256 of the file's bytes; undefined when there is no file. */
  readonly sha256: string | undefined;
  /** What the file itself says: lower than `revision` after an edit by hand. */
  readonly ownRevision: number;
  /** When the file was changed; ISO 8601, UTC. */
  readonly modifiedAt: string;
}

/** Times of a file are only as fine as the kernel's clock; a file this young may change again without a trace. */
export const FRESH_MS = 100;

/**
 * The endpoint file and its companions: `<file>.state` notes what was in force last (revision-note.ts), and
 * `<file>.last` is a copy of it, complete, so that an edit by hand can be told row by row, whoever comes to see it.
 */
export class TableFile {
  readonly path: string;
  readonly #isSelf: IsSelf;

  constructor(path: string, isSelf: IsSelf) {
    this.path = path;
    this.#isSelf = isSelf;
  }

  /** Where the file really is: a symbolic link is followed, so that a write replaces the file and not the link. */
  async realPath(): Promise<string> {
    try {
      return await realpath(this.path);
    } catch {
      const folder = dirname(this.path);
      return join(await realpath(folder).catch(() => folder), basename(this.path));
    }
  }

  /**
   * Reads the table, unless the file still is what was read last.
   * @param known what this process read or wrote last
   * @throws WaypostError TABLE_INVALID, TABLE_UNREADABLE, or TABLE_SUSPICIOUS when the file has disappeared
   */
  async read(known: Known | undefined): Promise<Known> {
    try {
      const found = await stat(this.path, { bigint: true }).catch(undefinedIfMissing);
      if (found === undefined) {
        return await this.#readMissing(known);
      }
      const signature = `${found.dev}:${found.ino}:${found.size}:${found.mtimeNs}:${found.ctimeNs}`;
      if (known !== undefined && known.signature === signature) {
        return known;
      }
      const isFresh = Date.now() - Number(found.ctimeMs) < FRESH_MS;
      const bytes = await readFile(this.path).catch(undefinedIfMissing);
      if (bytes === undefined) {
        return await this.#readMissing(known);
      }
      const sha256 = createHash("sha256").update(bytes).digest("hex");
      const settled = isFresh ? undefined : signature;
      if (known?.sha256 === sha256) {
        return { ...known, signature: settled };
      }
      return await this.#parse(bytes, sha256, settled, found.mtime.toISOString(), known);
    } catch (error) {
      throw fileError("read", this.path, error);
    }
  }

  /**
   * Writes a table, its copy and its note. The caller holds the lock.
   * @param before the file as the caller knows it: a person's edit since then, which no lock keeps out, is not overwritten
   * @throws WaypostError CHANGED_MEANWHILE, or the system's error; the file is then as it was
   */
  async write(before: Known, revision: number, hash: string, endpoints: readonly Endpoint[]): Promise<Known> {
    const file = await this.realPath();
    const sha256 = await atomicWrite(file, tableText(revision, endpoints), () => this.#refuseEdited(before));
    // The table is safe now. What follows serves the next edit by hand, and a change is not undone for its sake.
    await copy(file, `${file}.last`).catch(() => undefined);
    await writeNote(file, { revision, sha256, complete: true }).catch(() => undefined);
    const modifiedAt = new Date().toISOString();
    return { revision, hash, endpoints, sha256, signature: undefined, ownRevision: revision, modifiedAt };
  }

  /** True when the note beside the file is about this table. */
  async isNoted(read: Known): Promise<boolean> {
    const note = await readNote(await this.realPath());
    return note?.sha256 === read.sha256 && note?.revision === read.revision;
  }

  /** The revision that the note beside the file tells; -1 without one. */
  async notedRevision(): Promise<number> {
    return (await readNote(await this.realPath()))?.revision ?? -1;
  }

  /** Notes that an edit by hand is in force. The caller holds the lock. */
  async note(read: Known): Promise<void> {
    if (read.sha256 !== undefined) {
      const file = await this.realPath();
      await atomicWrite(`${file}.last`, tableText(read.revision, read.endpoints));
      await writeNote(file, { revision: read.revision, sha256: read.sha256, complete: false });
    }
  }

  /** The table that was in force last, from its copy; undefined when there is none. */
  async last(): Promise<{ revision: number; rows: readonly Endpoint[] } | undefined> {
    const path = `${await this.realPath()}.last`;
    try {
      const { revision, rows } = parseTable(await readFile(path), path, () => false);
      return { revision, rows: adoptRows(rows, [], new Date().toISOString()) };
    } catch {
      return undefined;
    }
  }

  /** The table of a file that has disappeared. @throws WaypostError NOTHING_TO_SETTLE when it has not */
  async lost(): Promise<Known> {
    const found = await stat(this.path).catch(() => undefined);
    const last = found === undefined ? await this.last() : undefined;
    if (last === undefined) {
      throw new WaypostError("NOTHING_TO_SETTLE", `${this.path} is not missing; there is nothing to decide`);
    }
    const revision = Math.max(last.revision, (await readNote(await this.realPath()))?.revision ?? -1);
    const nothing = { signature: undefined, sha256: undefined, modifiedAt: new Date().toISOString() };
    return { revision, ownRevision: revision, hash: hashOf(last.rows), endpoints: last.rows, ...nothing };
  }

  async #refuseEdited(before: Known): Promise<void> {
    const isSame =
      before.sha256 === undefined
        ? (await stat(this.path).catch(undefinedIfMissing)) === undefined
        : (await this.read(before)).sha256 === before.sha256;
    if (!isSame) {
      throw new WaypostError("CHANGED_MEANWHILE", `${this.path} was edited while a change was being written`);
    }
  }

  async #parse(
    bytes: Buffer,
    sha256: string,
    signature: string | undefined,
    modifiedAt: string,
    known: Known | undefined,
  ): Promise<Known> {
    const stored = parseTable(bytes, this.path, this.#isSelf);
    const note = await readNote(await this.realPath());
    const isComplete = note === undefined || (note.sha256 === sha256 && note.complete);
    const before = known?.endpoints ?? (isComplete ? undefined : (await this.last())?.rows) ?? [];
    const endpoints = adoptRows(stored.rows, before, modifiedAt);
    const noted = revisionOf(stored.revision, sha256, note);
    return {
      revision: nextRevision(stored.revision, noted, endpoints, known),
      hash: endpoints === known?.endpoints ? known.hash : hashOf(endpoints),
      endpoints,
      signature,
      sha256,
      ownRevision: stored.revision,
      modifiedAt,
    };
  }

  /** No file is an empty table, but not where there was one before: losing every endpoint needs more than that. */
  async #readMissing(known: Known | undefined): Promise<Known> {
    const rows = known?.endpoints ?? (await this.last())?.rows ?? [];
    if (known?.sha256 !== undefined || rows.length > 0) {
      const had = `${rows.length} ${rows.length === 1 ? "endpoint" : "endpoints"}`;
      throw new WaypostError("TABLE_SUSPICIOUS", `${this.path} has disappeared; it had ${had}`);
    }
    const note = await readNote(await this.realPath());
    const revision = note === undefined ? 0 : note.revision + 1;
    const nothing = { endpoints: [], hash: EMPTY_TABLE_HASH, signature: undefined, sha256: undefined };
    return known ?? { ...nothing, revision, ownRevision: revision, modifiedAt: new Date().toISOString() };
  }
}

/** With other rows than before the revision grows, whatever the file says; with the same rows only if the file says so. */
function nextRevision(own: number, noted: number, endpoints: readonly Endpoint[], known: Known | undefined): number {
  if (known === undefined) {
    return noted;
  }
  return endpoints === known.endpoints ? Math.max(own, known.revision) : Math.max(noted, known.revision + 1);
}

/** Copies a file, without copying its blocks where the file system can share them. */
async function copy(from: string, to: string): Promise<void> {
  try {
    await copyFile(from, `${to}.tmp`, constants.COPYFILE_FICLONE);
    await rename(`${to}.tmp`, to);
  } catch (error) {
    await rm(`${to}.tmp`, { force: true });
    throw error;
  }
}

function undefinedIfMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== "ENOENT") {
    throw error;
  }
}
