import type { EndpointDraft } from "../endpoints/store.ts";
import { WaypostError } from "../errors.ts";

/** One setting of an endpoint as people type it; the commands and the cmdlets are both built from this list. */
export interface Setting {
  readonly field: Exclude<keyof EndpointDraft, "sipAddress" | "poolFqdn" | "enabled">;
  readonly kind: "text" | "fqdn" | "port" | "codes" | "choice" | "flag";
  readonly choices?: readonly (string | number)[];
  /** May be taken away again from an endpoint. */
  readonly optional?: true;
  /** What it means to take it away, where that is not plain. */
  readonly clearing?: string;
  readonly help: string;
}

export const SETTINGS: readonly Setting[] = [
  { field: "displayName", kind: "text", optional: true, help: "a name for people" },
  {
    field: "mode",
    kind: "choice",
    choices: ["proxy", "redirect"],
    help: "relay the calls, or send callers to the pool with a 3xx (default proxy)",
  },
  {
    field: "redirectStatus",
    kind: "choice",
    choices: [302, 303],
    help: "the answer in redirect mode; Microsoft servers follow 303 (default 302)",
  },
  {
    field: "transport",
    kind: "choice",
    choices: ["auto", "tls", "tcp", "udp"],
    help: "transport toward the pool (default auto: as DNS says, TCP for what is too large for UDP)",
  },
  { field: "port", kind: "port", optional: true, help: "port of the pool, 1 to 65535 (default: by transport)" },
  {
    field: "requestUri",
    kind: "choice",
    choices: ["keep", "pool"],
    help: "Request-URI toward the pool: as dialled, or user@pool (default keep)",
  },
  { field: "backupPool", kind: "fqdn", optional: true, help: "FQDN of the pool that serves when the first is down" },
  {
    field: "failoverOn",
    kind: "codes",
    optional: true,
    help: "answers besides 503 after which the next server or the backup pool is tried, such as 404,480",
  },
  {
    field: "register",
    kind: "flag",
    optional: true,
    help: "register the gateway for it at the registrar of the configuration",
    clearing: "do not register it any more",
  },
  {
    field: "retired",
    kind: "choice",
    choices: [410, 404],
    optional: true,
    help: "a tombstone: every request for it gets this answer",
    clearing: "answer for it as before it was retired",
  },
  { field: "retiredReason", kind: "text", optional: true, help: "what callers of a retired endpoint are told" },
];

/**
 * Turns what was typed into the value of a setting.
 * @param label the option as the person wrote it, for the message: `--port` or `-Port`
 * @throws WaypostError SETTING_INVALID that names what is allowed
 */
export function settingValue(setting: Pick<Setting, "kind" | "choices">, text: string, label: string): string | number {
  if (setting.kind === "choice") return oneOf(setting.choices ?? [], text, label);
  if (setting.kind === "port") return wholeNumber(text, 1, 65535, label);
  if (text.trim() === "") throw new WaypostError("SETTING_INVALID", `${label} needs a value, not an empty text.`);
  return text;
}

/** The allowed value that equals `text` in any case. */
export function oneOf(choices: readonly (string | number)[], text: string, label: string): string | number {
  const found = choices.find((choice) => String(choice).toLowerCase() === text.toLowerCase());
  if (found === undefined) {
    throw new WaypostError("SETTING_INVALID", `${label} takes ${listed(choices)}, not "${text}".`);
  }
  return found;
}

export function wholeNumber(text: string, least: number, most: number, label: string): number {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= least && value <= most)) {
    throw new WaypostError("SETTING_INVALID", `${label} takes a whole number from ${least} to ${most}, not "${text}".`);
  }
  return value;
}

function listed(choices: readonly (string | number)[]): string {
  const [last, ...others] = [...choices].reverse();
  return others.length === 0 ? String(last) : `${others.reverse().join(", ")} or ${last}`;
}
