import type { Endpoint } from "./model.ts";
import { makeRow } from "./row-schema.ts";

/**
 * The fields of a row in the order of its short text. A new field comes last, so that rows without it keep their text,
 * and with it their hash, from one version to the next.
 */
const FIELDS: Readonly<Record<keyof Endpoint, true>> = {
  sipAddress: true,
  poolFqdn: true,
  mode: true,
  redirectStatus: true,
  transport: true,
  requestUri: true,
  enabled: true,
  version: true,
  createdAt: true,
  createdBy: true,
  updatedAt: true,
  updatedBy: true,
  displayName: true,
  port: true,
  backupPool: true,
  retired: true,
  retiredReason: true,
  failoverOn: true,
  register: true,
};
const TEXT_ORDER = Object.keys(FIELDS) as (keyof Endpoint)[];

/** A row as a short text, the same for equal rows: its values in that order as JSON, absent ones at the end left out. */
export function rowText(row: Endpoint): string {
  let length = TEXT_ORDER.length;
  while (length > 0 && row[TEXT_ORDER[length - 1]!] === undefined) {
    length--;
  }
  const values: unknown[] = [];
  for (let i = 0; i < length; i++) {
    values.push(row[TEXT_ORDER[i]!]);
  }
  return JSON.stringify(values);
}

/** The row of such a text. */
export function rowOfText(text: string): Endpoint {
  const values = JSON.parse(text) as unknown[];
  const row: Record<string, unknown> = {};
  for (let i = 0; i < values.length; i++) {
    if (values[i] !== null) {
      row[TEXT_ORDER[i]!] = values[i];
    }
  }
  const complete = row as unknown as Endpoint;
  return makeRow(complete, complete);
}
