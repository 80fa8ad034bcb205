import { keyOf } from "./address-key.ts";
import type { Endpoint } from "./model.ts";
import { changedSettings } from "./row-schema.ts";
import type { RowDifference } from "./store.ts";

/** What turns one list of rows into another, one difference for each row that is not the same in both. */
export function differencesBetween(before: readonly Endpoint[], after: readonly Endpoint[]): RowDifference[] {
  const gone = new Map(before.map((row) => [keyOf(row), row]));
  const result: RowDifference[] = [];
  for (const row of after) {
    const key = keyOf(row);
    const old = gone.get(key);
    gone.delete(key);
    if (old === undefined) {
      result.push({ after: row });
    } else if (!sameRow(old, row)) {
      result.push({ before: old, after: row });
    }
  }
  for (const row of gone.values()) {
    result.push({ before: row });
  }
  return result;
}

/** The rows after a change, whose `before` are among them: what is replaced keeps its place, new rows come last. */
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
  const result: Endpoint[] = [];
  for (const row of rows) {
    const now = replaced.has(row) ? replaced.get(row) : row;
    if (now !== undefined) {
      result.push(now);
    }
  }
  return result.concat(added);
}

function sameRow(a: Endpoint, b: Endpoint): boolean {
  return (
    a === b ||
    (a.version === b.version &&
      a.updatedAt === b.updatedAt &&
      a.updatedBy === b.updatedBy &&
      a.createdAt === b.createdAt &&
      a.createdBy === b.createdBy &&
      changedSettings(a, b).length === 0)
  );
}
