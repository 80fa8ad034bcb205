import type { Endpoint } from "./model.ts";
import type { RowDifference } from "./store.ts";
import { keyOf } from "./table.ts";

/**
 * What turns one list of rows into another, one difference for each row that is not the very same object in both.
 * The cost is that of one pass, and of an index only over the rows that differ.
 */
export function differencesBetween(before: readonly Endpoint[], after: readonly Endpoint[]): RowDifference[] {
  const stays = new Set(after);
  const gone = new Map<string, Endpoint>();
  for (const row of before) {
    if (!stays.delete(row)) {
      gone.set(keyOf(row), row);
    }
  }
  const result: RowDifference[] = [];
  for (const row of stays) {
    const key = keyOf(row);
    const old = gone.get(key);
    gone.delete(key);
    result.push(old === undefined ? { after: row } : { before: old, after: row });
  }
  for (const row of gone.values()) {
    result.push({ before: row });
  }
  return result;
}

/** The rows after a change: those that are replaced keep their place, new ones come last. */
export function applyDifferences(rows: readonly Endpoint[], differences: readonly RowDifference[]): Endpoint[] {
  const replaced = new Map<Endpoint, Endpoint | undefined>();
  const added: Endpoint[] = [];
  for (const { before, after } of differences) {
    if (before !== undefined) {
      replaced.set(before, after);
    } else if (after !== undefined) {
      added.push(after);
    }
  }
  const kept = rows.flatMap((row) => (replaced.has(row) ? (replaced.get(row) ?? []) : row));
  return kept.concat(added);
}
