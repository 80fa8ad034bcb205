import { readFile, rename, writeFile } from "node:fs/promises";
import { z } from "zod";

/**
 * What was in force last: a small file beside the endpoint file, `<file>.state`. A person who edits the endpoint file
 * leaves its `revision` alone, so the file by itself cannot tell an edit from the table that was written; with the note
 * every process counts such an edit as one revision more, and all of them arrive at the same number.
 */
export interface RevisionNote {
  readonly revision: number;
  /** SHA-256 of the endpoint file's bytes, in hex. */
  readonly sha256: string;
  /** True when the file was written by us, so that no row lacks what its writer left out. */
  readonly complete: boolean;
}

const schema = z.object({ revision: z.int().min(0), sha256: z.string(), complete: z.boolean().default(false) });

/** The note beside an endpoint file; undefined when there is none, or none that can be used. */
export async function readNote(path: string): Promise<RevisionNote | undefined> {
  try {
    return schema.parse(JSON.parse(await readFile(`${path}.state`, "utf8")));
  } catch {
    return undefined;
  }
}

/** Writes the note. The caller holds the lock. A note lost in a crash costs nothing: see {@link revisionOf}. */
export async function writeNote(path: string, note: RevisionNote): Promise<void> {
  await writeFile(`${path}.state.tmp`, `${JSON.stringify(note)}\n`);
  await rename(`${path}.state.tmp`, `${path}.state`);
}

/**
 * The revision of a table that was read: the note's if it is about these very bytes; else the file's own if it is
 * newer (its writer was stopped before it wrote the note, or a person raised it); else one more than the note's.
 */
export function revisionOf(fileRevision: number, sha256: string, note: RevisionNote | undefined): number {
  if (note === undefined || fileRevision > note.revision) {
    return fileRevision;
  }
  return note.sha256 === sha256 ? note.revision : note.revision + 1;
}
