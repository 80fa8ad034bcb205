import { WaypostError } from "../../errors.ts";
import { addressKey, keyOf } from "../address-key.ts";
import type { Endpoint } from "../model.ts";
import { changedSettings, checkStoredRow, type EndpointSettings, type IsSelf } from "../row-schema.ts";
import type { EndpointDraft, RowChange } from "../store.ts";

import { fieldOf, isBookkeeping, settingFrom } from "./columns.ts";
import type { Source, SourceCell } from "./source.ts";

export interface ImportOptions {
  /** Its name, for messages. */
  readonly file: string;
  /** Remove the endpoints that the file does not have. */
  readonly replace: boolean;
  readonly isSelf: IsSelf;
}

/** What an import comes to. */
export interface ImportPlan {
  /** To be committed together; guarded against changes that others make meanwhile. */
  readonly changes: readonly RowChange[];
  /** Rows of the file. */
  readonly rows: number;
  /** Those of them that the table has already, just so. */
  readonly unchanged: number;
  /** Columns that mean nothing here, as they are written in the file. */
  readonly unknownColumns: readonly string[];
}

type Field = keyof EndpointSettings;

const MOST_FAULTS = 50;

/**
 * Works out how the table becomes what a file says. A setting that the file has no column for stays as it is, or has its
 * default in a new endpoint; an empty value takes an optional setting away. Pure.
 * @throws WaypostError IMPORT_INVALID with one line `file:place: column: what is wrong` for each thing wrong
 */
export function planImport(source: Source, endpoints: readonly Endpoint[], options: ImportOptions): ImportPlan {
  const present = new Map(endpoints.map((row) => [keyOf(row), row]));
  const seen = new Map<string, number>();
  const unknown = new Set<string>();
  const faults: string[] = [];
  const changes: RowChange[] = [];
  let unchanged = 0;
  source.rows.forEach((cells, index) => {
    const fault = (text: string, name?: string) => {
      const column = name === undefined || isSame(text.slice(0, name.length), name) ? "" : `${name}: `;
      faults.push(`${options.file}:${source.placeOf(index, name)}: ${column}${text}`);
    };
    if (faults.length > MOST_FAULTS) return;
    const { values, names } = readRow(cells, unknown, fault);
    const key = typeof values.sipAddress === "string" ? keyOfText(values.sipAddress) : undefined;
    const before = key === undefined ? undefined : present.get(key);
    // An address that differs in its case only is the same address.
    const wished = { ...settingsOf(before), ...values, ...(before ? { sipAddress: before.sipAddress } : {}) };
    const checked = checkStoredRow(wished, options.isSelf);
    if (Array.isArray(checked)) {
      for (const { path, text } of checked) fault(text, names.get(path[0] as Field));
      return;
    }
    const first = seen.get(keyOf(checked));
    if (first !== undefined) {
      const text = `${checked.sipAddress} stands in line ${source.placeOf(first).split(":")[0]} already`;
      fault(text, names.get("sipAddress"));
      return;
    }
    seen.set(keyOf(checked), index);
    if (before === undefined) {
      changes.push({ kind: "add", endpoint: checked as EndpointDraft });
      return;
    }
    const changed = changedSettings(before, checked);
    if (changed.length === 0) unchanged++;
    else {
      const fields = Object.fromEntries(changed.map((name) => [name, checked[name]]));
      changes.push({ kind: "set", sipAddress: before.sipAddress, fields, expectedVersion: before.version });
    }
  });
  if (faults.length > 0) throw refusal(faults, options.file);
  if (options.replace) {
    for (const [key, { sipAddress, version }] of present) {
      if (!seen.has(key)) changes.push({ kind: "remove", sipAddress, expectedVersion: version });
    }
  }
  return { changes, rows: source.rows.length, unchanged, unknownColumns: [...unknown] };
}

/** The settings in a row of a file, and under which name each was found. */
function readRow(
  cells: readonly SourceCell[],
  unknown: Set<string>,
  fault: (text: string, name?: string) => void,
): { values: Partial<Record<Field, unknown>>; names: Map<Field, string> } {
  const values: Partial<Record<Field, unknown>> = {};
  const names = new Map<Field, string>();
  for (const { name, value } of cells) {
    const field = fieldOf(name);
    if (field === undefined) {
      if (!isBookkeeping(name)) unknown.add(name);
    } else if (names.has(field)) {
      fault(`${names.get(field)} means the same setting; only one of them may stand here`, name);
    } else {
      names.set(field, name);
      values[field] = settingFrom(field, value);
    }
  }
  if (!names.has("sipAddress")) {
    // Lync's Identity is a name in its directory, but a person may have put the address there.
    const identity = cells.find(({ name, value }) => /^identity$/i.test(name) && /^sips?:/i.test(String(value)));
    if (identity !== undefined) {
      names.set("sipAddress", identity.name);
      values.sipAddress = settingFrom("sipAddress", identity.value);
    }
  }
  return { values, names };
}

function settingsOf(row: Endpoint | undefined): Partial<EndpointSettings> {
  if (row === undefined) return {};
  const { version: _v, createdAt: _ca, createdBy: _cb, updatedAt: _ua, updatedBy: _ub, ...settings } = row;
  return settings;
}

function isSame(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}

function keyOfText(address: string): string | undefined {
  return addressKey(/^sips?:/i.test(address) ? address : `sip:${address}`);
}

function refusal(faults: readonly string[], file: string): WaypostError {
  const shown = faults.slice(0, MOST_FAULTS);
  if (faults.length > MOST_FAULTS) shown.push(`${file}: there are more errors; these are the first ${MOST_FAULTS}`);
  return new WaypostError("IMPORT_INVALID", shown.join("\n"));
}
