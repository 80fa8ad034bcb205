import { WaypostError } from "../../errors.ts";
import { ErrorLocator, type Place } from "../locate-error.ts";
import { isGroup, rowsOfDocument, toRow } from "./rows.ts";
import type { Source } from "./source.ts";

/**
 * Reads what `ConvertTo-Json`, `waypost export`, `waypost endpoint list --json` and the endpoint file itself hold: a
 * list of objects, one object, a document with such a list in it, or one object per line.
 * @throws WaypostError IMPORT_INVALID with line and column
 */
export function readJson(text: string, file: string): Source {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (cause) {
    return readLines(text) ?? refuse(text, file, cause);
  }
  const found = rowsOfDocument(document);
  if (typeof found === "string") throw new WaypostError("IMPORT_INVALID", `${file}:1:1: ${found}`);
  const placeOf = (row: number, name?: string): string =>
    written(new ErrorLocator(text).placeOf([...found.path(row), ...(name === undefined ? [] : [name])], false));
  return {
    rows: found.rows.map((value, index) => {
      if (isGroup(value)) return toRow(value);
      throw new WaypostError("IMPORT_INVALID", `${file}:${placeOf(index)}: an endpoint has to be an object`);
    }),
    placeOf,
  };
}

/** One object per line; undefined when any line is something else, or when there is none. */
function readLines(text: string): Source | undefined {
  const rows: { value: Readonly<Record<string, unknown>>; line: number; text: string }[] = [];
  const all = text.split(/\r\n|\n|\r/);
  for (const [index, line] of all.entries()) {
    if (line.trim() === "") continue;
    try {
      const value: unknown = JSON.parse(line);
      if (!isGroup(value)) return undefined;
      rows.push({ value, line: index + 1, text: line });
    } catch {
      return undefined;
    }
  }
  if (rows.length === 0) return undefined;
  return {
    rows: rows.map(({ value }) => toRow(value)),
    placeOf: (row, name) => {
      const { line, text: content } = rows[row] ?? { line: 1, text: "" };
      const { column } = new ErrorLocator(content).placeOf(name === undefined ? [] : [name], false);
      return written({ line, column });
    },
  };
}

function refuse(text: string, file: string, cause: unknown): never {
  if (text.trim() === "") throw new WaypostError("IMPORT_INVALID", `${file}:1:1: the file is empty`, { cause });
  const [error] = new ErrorLocator(text).syntaxErrors();
  const place = error === undefined ? "1:1" : written(error.place);
  throw new WaypostError("IMPORT_INVALID", `${file}:${place}: ${error?.text ?? (cause as Error).message}`, { cause });
}

function written({ line, column }: Place): string {
  return `${line}:${column}`;
}
