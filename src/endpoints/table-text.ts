import { z } from "zod";
import { WaypostError } from "../errors.ts";
import { type Finding, findings } from "../schema-findings.ts";
import { addressKey } from "./address-key.ts";
import { ErrorLocator, type Place } from "./locate-error.ts";
import type { Endpoint } from "./model.ts";
import { checkStoredRow, type IsSelf, type StoredRow } from "./row-schema.ts";

/** The endpoint file's content, valid, with what its writer left out still absent. */
export interface StoredTable {
  readonly revision: number;
  readonly rows: readonly StoredRow[];
}

const documentSchema = z.strictObject(
  {
    revision: z.int("must be a whole number").min(0, "must be 0 or more").default(0),
    endpoints: z.array(z.unknown(), 'must be a list of endpoints: "endpoints": [ … ]'),
  },
  'must be a group of settings: { "revision": …, "endpoints": [ … ] }',
);

/**
 * Reads the endpoint file. `JSON.parse` does it while all is well; only a broken file is parsed again for places.
 * @param file the name for messages
 * @throws WaypostError TABLE_INVALID with one line `file:line:column: what is wrong` for each thing wrong
 */
export function parseTable(bytes: Uint8Array, file: string, isSelf: IsSelf): StoredTable {
  const text = decode(bytes, file);
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (cause) {
    throw syntaxError(text, file, cause);
  }
  const parsed = documentSchema.safeParse(document, { reportInput: true });
  if (!parsed.success) {
    throw invalid(text, file, findings(parsed.error.issues, documentSchema));
  }
  const { revision, endpoints } = parsed.data;
  const found: Finding[] = [];
  const rows: StoredRow[] = [];
  const rowOfKey = new Map<string, number>();
  endpoints.forEach((value, index) => {
    const row = checkStoredRow(value, isSelf);
    if (Array.isArray(row)) {
      found.push(...row.map((finding) => ({ ...finding, path: ["endpoints", index, ...finding.path] })));
      return;
    }
    const key = addressKey(row.sipAddress)!;
    const first = rowOfKey.get(key);
    if (first === undefined) {
      rowOfKey.set(key, index);
      rows.push(row);
    } else {
      const twice = `${row.sipAddress} is the address of endpoint number ${first + 1} of the list already`;
      found.push({ path: ["endpoints", index, "sipAddress"], text: twice, atKey: false });
    }
  });
  if (found.length > 0) {
    throw invalid(text, file, found);
  }
  return { revision, rows };
}

/** The file's text in pieces, so that a large table is never one string. Its layout is stable: a change shows as a small diff. */
export function* tableText(revision: number, endpoints: Iterable<Endpoint>): Iterable<string> {
  let piece = `{\n  "revision": ${revision},\n  "endpoints": [`;
  let separator = "\n    ";
  for (const endpoint of endpoints) {
    piece += separator + JSON.stringify(endpoint, null, 2).replaceAll("\n", "\n    ");
    separator = ",\n    ";
    if (piece.length > PIECE) {
      yield piece;
      piece = "";
    }
  }
  yield `${piece}${separator.startsWith(",") ? "\n  " : ""}]\n}\n`;
}

const PIECE = 256 * 1024;
const MOST_FINDINGS = 50;

function decode(bytes: Uint8Array, file: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new WaypostError("TABLE_INVALID", `${file}:1:1: the file is not UTF-8 text`, { cause });
  }
}

function syntaxError(text: string, file: string, cause: unknown): WaypostError {
  if (text.trim() === "") {
    return new WaypostError("TABLE_INVALID", `${file}:1:1: the file is empty`, { cause });
  }
  const errors = new ErrorLocator(text).syntaxErrors();
  const known = errors.length > 0 ? errors : [{ place: { line: 1, column: 1 }, text: (cause as Error).message }];
  return asError(file, known, cause);
}

function invalid(text: string, file: string, found: readonly Finding[]): WaypostError {
  const locator = new ErrorLocator(text);
  const placed = found
    .slice(0, MOST_FINDINGS + 1)
    .map((finding) => ({ place: locator.placeOf(finding.path, finding.atKey), text: finding.text }));
  placed.sort((a, b) => a.place.line - b.place.line || a.place.column - b.place.column);
  return asError(file, placed);
}

function asError(file: string, errors: readonly { place: Place; text: string }[], cause?: unknown): WaypostError {
  const lines = errors
    .slice(0, MOST_FINDINGS)
    .map(({ place, text }) => `${file}:${place.line}:${place.column}: ${text}`);
  if (errors.length > MOST_FINDINGS) {
    lines.push(`${file}: there are more errors; these are the first ${MOST_FINDINGS}`);
  }
  return new WaypostError("TABLE_INVALID", lines.join("\n"), { cause });
}
