import type { StoredRow } from "./row-schema.ts";

/**
 * Whether a stored row is right beyond doubt: complete, with settings of the plainest kind and no other ones. What this
 * cannot say yes to goes through the schema, which takes ten times as long; with a million rows that is felt.
 * Everything that passes here passes the schema too, and comes out of it as it is.
 */
export function isPlainRow(value: unknown): value is StoredRow {
  if (typeof value !== "object" || value === null) {
    return false;
  }
  const row = value as Record<string, unknown>;
  for (const name in row) {
    if (!(name in CHECKS) || !CHECKS[name]!(row[name])) {
      return false;
    }
  }
  return NEEDED.every((name) => row[name] !== undefined);
}

type Check = (value: unknown) => boolean;

const CHECKS: Readonly<Record<string, Check>> = Object.assign(Object.create(null) as Record<string, Check>, {
  sipAddress: isPlainAddress,
  poolFqdn: isPlainHost,
  mode: (value: unknown) => value === "proxy" || value === "redirect",
  redirectStatus: (value: unknown) => value === 302 || value === 303,
  transport: (value: unknown) => value === "auto" || value === "tls" || value === "tcp" || value === "udp",
  port: (value: unknown) => Number.isInteger(value) && (value as number) >= 1 && (value as number) <= 65535,
  requestUri: (value: unknown) => value === "keep" || value === "pool",
  enabled: (value: unknown) => typeof value === "boolean",
  backupPool: isPlainHost,
  version: (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 1,
  createdAt: isPlainTime,
  createdBy: isText,
  updatedAt: isPlainTime,
  updatedBy: isText,
} satisfies Record<string, Check>);

const NEEDED = [
  ...["sipAddress", "poolFqdn", "mode", "redirectStatus", "transport", "requestUri", "enabled"],
  ...["version", "createdAt", "createdBy", "updatedAt", "updatedBy"],
];

function isText(value: unknown): boolean {
  return typeof value === "string";
}

/** `sip:user@host`, the user of letters, digits, dot, hyphen and underscore, the host as {@link isPlainHost} has it. */
function isPlainAddress(value: unknown): boolean {
  if (typeof value !== "string" || value.length > 200 || !value.startsWith("sip:")) {
    return false;
  }
  const at = value.indexOf("@");
  if (at < 5) {
    return false;
  }
  for (let i = 4; i < at; i++) {
    const code = value.charCodeAt(i);
    if (!isLetter(code) && !isDigit(code) && code !== 0x2e && code !== 0x2d && code !== 0x5f) {
      return false;
    }
  }
  return isHostFrom(value, at + 1);
}

/** Labels of letters and digits with single dots between them, at least two, the last one starting with a letter. */
function isPlainHost(value: unknown): boolean {
  return typeof value === "string" && value.length <= 200 && isHostFrom(value, 0);
}

function isHostFrom(text: string, start: number): boolean {
  let label = start;
  for (let i = start; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 0x2e) {
      if (i === label || i - label > 63) {
        return false;
      }
      label = i + 1;
    } else if (!isLetter(code) && !isDigit(code)) {
      return false;
    }
  }
  const last = text.length - label;
  return label > start && last > 0 && last <= 63 && isLetter(text.charCodeAt(label));
}

/** As `Date.toISOString` writes it; the 29th of February takes the long way. */
function isPlainTime(value: unknown): boolean {
  return typeof value === "string" && value.length === 24 && TIME.test(value);
}

const DAY = /((0[1-9]|1[0-2])-(0[1-9]|1\d|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)/;
const TIME = new RegExp(`^2\\d{3}-${DAY.source}T([01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d\\.\\d{3}Z$`);

function isLetter(code: number): boolean {
  return (code | 0x20) >= 0x61 && (code | 0x20) <= 0x7a;
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}
