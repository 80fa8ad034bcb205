import { CsvError } from "csv-parse";
import { parse } from "csv-parse/sync";
import { WaypostError } from "../../errors.ts";
import type { Source } from "./source.ts";

/**
 * Reads a table as `Export-Csv` and spreadsheets write it: the first line names the columns; `,`, `;` or a tab between
 * them; RFC 4180 quotes. PowerShell's `#TYPE …` and Excel's `sep=;` in front of it are passed over.
 * @throws WaypostError IMPORT_INVALID with the line
 */
export function readCsv(text: string, file: string): Source {
  const preamble = /^(?:\s*(?:#TYPE[^\r\n]*|"?sep=(.)"?)?(?:\r\n|\n|\r))*/i.exec(text);
  const skipped = preamble?.[0] ?? "";
  const firstLine = lines(skipped);
  const body = text.slice(skipped.length);
  const delimiter = preamble?.[1] ?? delimiterOf(body);
  const [head, ...records] = parsed(body, delimiter, file, firstLine);
  if (head === undefined) {
    throw new WaypostError("IMPORT_INVALID", `${file}:1: the file is empty; its first line has to name the columns`);
  }
  const names = head.record.map((name) => name.trim());
  const twice = names.find((name, index) => names.findIndex((other) => sameName(other, name)) !== index);
  if (twice !== undefined) {
    throw new WaypostError("IMPORT_INVALID", `${file}:${firstLine + 1}: the column ${twice} stands here twice`);
  }
  const wrong = records.find(({ record }) => record.length !== names.length);
  if (wrong !== undefined) {
    const what = `${wrong.record.length} values, but the first line names ${names.length} columns`;
    throw new WaypostError("IMPORT_INVALID", `${file}:${firstLine + wrong.line}: this line has ${what}`);
  }
  return {
    rows: records.map(({ record }) => record.map((value, index) => ({ name: names[index] ?? "", value }))),
    placeOf: (row) => String(firstLine + (records[row]?.line ?? 1)),
  };
}

interface CsvRecord {
  readonly record: readonly string[];
  /** Counted from 1 within the text that was parsed. */
  readonly line: number;
}

function parsed(text: string, delimiter: string, file: string, firstLine: number): CsvRecord[] {
  try {
    const options = { delimiter, relax_column_count: true, skip_empty_lines: true, info: true, raw: true } as const;
    const found = parse(text, options) as unknown as { record: string[]; raw: string; info: { lines: number } }[];
    // `lines` counts the lines up to the end of the record; its own line breaks stand within quotes.
    return found.map(({ record, raw, info }) => ({ record, line: info.lines - lines(raw.trim()) }));
  } catch (cause) {
    if (!(cause instanceof CsvError)) throw cause;
    const line = firstLine + Number(cause["lines"] ?? 1);
    throw new WaypostError("IMPORT_INVALID", `${file}:${line}: ${MEANING[cause.code] ?? cause.message}`, { cause });
  }
}

const MEANING: Readonly<Record<string, string>> = {
  CSV_QUOTE_NOT_CLOSED: "a quote is opened and never closed",
  INVALID_OPENING_QUOTE: "a quote stands inside a value; the value has to be in quotes and the quote doubled",
  CSV_INVALID_CLOSING_QUOTE: "something follows the closing quote of a value; a quote inside a value has to be doubled",
};

/** The separator that the line of the column names has most of, outside of quotes. */
function delimiterOf(text: string): string {
  const head = /^(?:"(?:[^"]|"")*"|[^"\r\n])*/.exec(text)?.[0].replace(/"(?:[^"]|"")*"/g, "") ?? "";
  const counted = [",", ";", "\t"].map((mark) => ({ mark, count: head.split(mark).length }));
  return counted.reduce((most, one) => (one.count > most.count ? one : most)).mark;
}

function lines(text: string): number {
  return text.match(/\r\n|\n|\r/g)?.length ?? 0;
}

function sameName(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}
