import type { Endpoint } from "../model.ts";
import type { EndpointSettings } from "../row-schema.ts";

type Field = keyof EndpointSettings;

/** How a setting is called in an exported CSV file: Lync's own names where Lync has the setting. */
export const CSV_NAMES: Readonly<Record<Field, string>> = {
  sipAddress: "SipAddress",
  displayName: "DisplayName",
  poolFqdn: "PersistentChatPoolFqdn",
  mode: "Mode",
  redirectStatus: "RedirectStatus",
  transport: "Transport",
  port: "Port",
  requestUri: "RequestUri",
  enabled: "Enabled",
  backupPool: "BackupPool",
  failoverOn: "FailoverOn",
  register: "Register",
  retired: "Retired",
  retiredReason: "RetiredReason",
};

/** Further names under which a setting is found, in lower case. */
const OTHER_NAMES: Readonly<Record<string, Field>> = {
  poolfqdn: "poolFqdn",
  persistentchatpool: "poolFqdn",
  pool: "poolFqdn",
};

/** What a store keeps about a row by itself, and Lync's Identity, which is a name in a directory that we do not have. */
const KEPT: readonly (Exclude<keyof Endpoint, Field> | "identity")[] = [
  "version",
  "createdAt",
  "createdBy",
  "updatedAt",
  "updatedBy",
  "identity",
];

const FIELDS = new Map<string, Field>([
  ...Object.entries(OTHER_NAMES),
  ...Object.entries(CSV_NAMES).flatMap(([field, name]): [string, Field][] => [
    [field.toLowerCase(), field as Field],
    [name.toLowerCase(), field as Field],
  ]),
]);
const KEPT_NAMES: ReadonlySet<string> = new Set(KEPT.map((name) => name.toLowerCase()));

/** The setting that a column or key holds, in any case. */
export function fieldOf(name: string): Field | undefined {
  return FIELDS.get(name.trim().toLowerCase());
}

/** True for a column that nobody will miss in the table. */
export function isBookkeeping(name: string): boolean {
  return KEPT_NAMES.has(name.trim().toLowerCase());
}

/**
 * A value as the schema of a row wants it: words of CSV and of PowerShell become numbers and truth values, empty ones
 * nothing at all. What does not fit stays as it is; the schema says what is wrong with it.
 */
export function settingFrom(field: Field, raw: unknown): unknown {
  if (raw === null || raw === undefined) return undefined;
  if (typeof raw !== "string") return raw;
  const text = raw.trim();
  if (text === "") return undefined;
  switch (field) {
    case "port":
    case "redirectStatus":
    case "retired":
      return /^\d{1,9}$/.test(text) ? Number(text) : text;
    case "enabled":
    case "register":
      return TRUTH[text.toLowerCase()] ?? text;
    case "mode":
    case "transport":
    case "requestUri":
      return text.toLowerCase();
    case "displayName":
    case "retiredReason":
      return raw;
    default:
      return text;
  }
}

const TRUTH: Readonly<Record<string, boolean>> = {
  true: true,
  false: false,
  yes: true,
  no: false,
  "1": true,
  "0": false,
};
