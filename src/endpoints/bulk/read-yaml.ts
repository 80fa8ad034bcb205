import { LineCounter, type Node, parseDocument } from "yaml";
import { WaypostError } from "../../errors.ts";
import { isGroup, rowsOfDocument, toRow } from "./rows.ts";
import type { Source } from "./source.ts";

/**
 * Reads a YAML list of endpoints, or a document with such a list under `endpoints`.
 * @throws WaypostError IMPORT_INVALID with line and column
 */
export function readYaml(text: string, file: string): Source {
  const counter = new LineCounter();
  const document = parseDocument(text, { lineCounter: counter, prettyErrors: false });
  const place = (offset: number): string => {
    const { line, col } = counter.linePos(offset);
    return `${line}:${col}`;
  };
  const broken = [...document.errors, ...document.warnings][0];
  if (broken !== undefined) {
    throw new WaypostError("IMPORT_INVALID", `${file}:${place(broken.pos[0])}: ${broken.message}`);
  }
  const value: unknown = document.toJS();
  const found = rowsOfDocument(value);
  if (typeof found === "string") throw new WaypostError("IMPORT_INVALID", `${file}:1:1: ${found}`);
  const placeOf = (row: number, name?: string): string => {
    const path = found.path(row);
    const node = (name === undefined ? undefined : document.getIn([...path, name], true)) ?? document.getIn(path, true);
    return place((node as Node | undefined)?.range?.[0] ?? 0);
  };
  return {
    rows: found.rows.map((row, index) => {
      if (isGroup(row)) return toRow(row);
      throw new WaypostError("IMPORT_INVALID", `${file}:${placeOf(index)}: an endpoint has to be a group of settings`);
    }),
    placeOf,
  };
}
