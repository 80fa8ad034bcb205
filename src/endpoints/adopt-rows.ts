import { keyOf } from "./address-key.ts";
import type { Endpoint } from "./model.ts";
import { changedSettings, makeRow, type StoredRow } from "./row-schema.ts";

/**
 * Completes the rows of a file with what its writer left out, in the light of the rows known before.
 * A row without a change stays the very object it was, so that whoever compares tables can compare objects. A row that
 * was changed while its `version` was not is a hand edit: it gets the next version and the name "file".
 * @param at when the file was changed, ISO 8601
 * @returns `known` itself when nothing differs
 */
export function adoptRows(rows: readonly StoredRow[], known: readonly Endpoint[], at: string): readonly Endpoint[] {
  const byKey = new Map(known.map((row) => [keyOf(row), row]));
  const adopted = rows.map((row) => adoptRow(row, byKey.get(keyOf(row)), at));
  const same = adopted.length === known.length && adopted.every((row, index) => row === known[index]);
  return same ? known : adopted;
}

function adoptRow(row: StoredRow, known: Endpoint | undefined, at: string): Endpoint {
  if (known === undefined) {
    return makeRow(row, {
      version: row.version ?? 1,
      createdAt: row.createdAt ?? at,
      createdBy: row.createdBy ?? BY_HAND,
      updatedAt: row.updatedAt ?? row.createdAt ?? at,
      updatedBy: row.updatedBy ?? row.createdBy ?? BY_HAND,
    });
  }
  const createdAt = row.createdAt ?? known.createdAt;
  const createdBy = row.createdBy ?? known.createdBy;
  if (row.version !== undefined && row.version > known.version) {
    return makeRow(row, {
      version: row.version,
      createdAt,
      createdBy,
      updatedAt: row.updatedAt ?? at,
      updatedBy: row.updatedBy ?? BY_HAND,
    });
  }
  if (changedSettings(row, known).length === 0) {
    return known;
  }
  // Its own record is newer: it was made anew at version 1, or changed by a process that had not seen a hand edit.
  const recordedAt = row.updatedAt !== undefined && row.updatedAt > known.updatedAt ? row.updatedAt : undefined;
  return makeRow(row, {
    version: known.version + 1,
    createdAt,
    createdBy,
    updatedAt: recordedAt ?? at,
    updatedBy: recordedAt !== undefined ? (row.updatedBy ?? BY_HAND) : BY_HAND,
  });
}

const BY_HAND = "file";
