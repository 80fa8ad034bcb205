import type { SourceCell } from "./source.ts";

/** The rows of a JSON or YAML document, and the way to each of them. */
export interface DocumentRows {
  readonly rows: readonly unknown[];
  path(row: number): (string | number)[];
}

/** Keys under which documents keep their list: ours, and the one of PowerShell when it wraps a list. */
const LISTS = ["endpoints", "value"] as const;

/** Finds the rows in a document; a text says why there are none. */
export function rowsOfDocument(document: unknown): DocumentRows | string {
  if (Array.isArray(document)) return { rows: document, path: (row) => [row] };
  if (!isGroup(document)) return "there is no list of endpoints here";
  const list = LISTS.find((key) => Array.isArray(document[key]));
  if (list !== undefined) return { rows: document[list] as unknown[], path: (row) => [list, row] };
  return { rows: [document], path: () => [] };
}

export function isGroup(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function toRow(group: Readonly<Record<string, unknown>>): SourceCell[] {
  return Object.entries(group).map(([name, value]) => ({ name, value }));
}
