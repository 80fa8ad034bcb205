/** One value of a row as it stands in a file, before anybody has looked whether it makes sense. */
export interface SourceCell {
  /** Column or key as it is written there. */
  readonly name: string;
  readonly value: unknown;
}

/** Rows out of a file, whatever its format. */
export interface Source {
  readonly rows: readonly (readonly SourceCell[])[];
  /**
   * Where a row, or one of its values, stands: `12:5` for line and column, `12` where a column means nothing.
   * May parse the text again: asked only once something is wrong.
   */
  placeOf(row: number, name?: string): string;
}

/** What a file is written in. */
export type BulkFormat = "csv" | "json" | "yaml";
export const BULK_FORMATS: readonly BulkFormat[] = ["csv", "json", "yaml"];

const BY_EXTENSION: Readonly<Record<string, BulkFormat>> = {
  csv: "csv",
  tsv: "csv",
  json: "json",
  jsonl: "json",
  ndjson: "json",
  yaml: "yaml",
  yml: "yaml",
};

/** The format that a file's name tells, if it does. */
export function formatOfName(file: string): BulkFormat | undefined {
  return BY_EXTENSION[/\.([a-z]+)$/i.exec(file)?.[1]?.toLowerCase() ?? ""];
}

/** The format that a text has by the look of it. */
export function formatOfText(text: string): BulkFormat {
  const start = text.trimStart();
  if (/^[{[]/.test(start)) return "json";
  return /^(---|- |#(?!TYPE)|[A-Za-z]+:(\s|$))/.test(start) ? "yaml" : "csv";
}
