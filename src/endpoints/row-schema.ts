import { z } from "zod";
import { type ErrorCode, WaypostError } from "../errors.ts";
import { type Finding, findings } from "../schema-findings.ts";
import { parseSipAddress } from "./address.ts";
import { poolHostFault } from "./host.ts";
import type { Endpoint } from "./model.ts";
import { isPlainRow } from "./quick-row.ts";
import type { EndpointDraft } from "./store.ts";

/** Tells whether a host (and port, where the row names one) is this gateway's own. */
export type IsSelf = (host: string, port?: number) => boolean;

const PORT = "must be a whole number from 1 to 65535";
const TEXT = "must be a text";
const STATUSES = "must be answers from 400 to 599, such as 404 or 404,480";
const YES_NO = "must be true or false";
const TIME = "must be a time such as 2025-01-31T12:00:00.000Z";

const address = z.string("must be a SIP address such as sip:ocschat@contoso.com").transform((text, context) => {
  try {
    return parseSipAddress(text).uri;
  } catch (error) {
    context.issues.push({ code: "custom", message: (error as Error).message, input: text });
    return z.NEVER;
  }
});

const pool = z.string("must be a host name such as pcpool.contoso.com").transform((text, context) => {
  const trimmed = text.trim();
  const host = trimmed.startsWith("[") && trimmed.endsWith("]") ? trimmed.slice(1, -1) : trimmed;
  const fault = poolHostFault(host);
  if (fault !== undefined) {
    context.issues.push({ code: "custom", message: `pool "${text.slice(0, 260)}" ${fault}`, input: text });
    return z.NEVER;
  }
  return host;
});

/** One line of text for people; an empty one is none. */
function line(name: string) {
  return z
    .string(TEXT)
    .max(256, "must be at most 256 characters long")
    .refine((text) => !hasControlCharacter(text), `${name} contains a control character`)
    .transform((text) => (text.trim() === "" ? undefined : text));
}

/** A status, a list of them, or a text with commas or blanks between them. */
const statuses = z.unknown().transform((given, context) => {
  const list = typeof given === "string" ? given.split(/[\s,;]+/).filter((word) => word !== "") : [given].flat();
  const numbers = list.map((each) => (/^[45]\d\d$/.test(String(each)) ? Number(each) : Number.NaN));
  if (numbers.some(Number.isNaN)) {
    context.issues.push({
      code: "custom",
      message: `failoverOn ${STATUSES}, not ${JSON.stringify(given)}`,
      input: given,
    });
    return z.NEVER;
  }
  return numbers.length === 0 ? undefined : [...new Set(numbers)].sort((a, b) => a - b).join(",");
});

const settings = {
  sipAddress: address,
  poolFqdn: pool,
  displayName: line("displayName").optional(),
  mode: z.enum(["proxy", "redirect"]).default("proxy"),
  redirectStatus: z.literal([302, 303]).default(302),
  transport: z.enum(["auto", "tls", "tcp", "udp"]).default("auto"),
  port: z.int(PORT).min(1, PORT).max(65535, PORT).optional(),
  requestUri: z.enum(["keep", "pool"]).default("keep"),
  enabled: z.boolean(YES_NO).default(true),
  backupPool: pool.optional(),
  failoverOn: statuses.optional(),
  register: z
    .boolean(YES_NO)
    .transform((wanted): true | undefined => wanted || undefined)
    .optional(),
  retired: z.literal([404, 410]).optional(),
  retiredReason: line("retiredReason").optional(),
};

const draftSchema = z.strictObject(settings, "must be a group of settings");

const storedSchema = z.strictObject(
  {
    ...settings,
    version: z.int("must be a whole number").min(1, "must be at least 1").optional(),
    createdAt: z.iso.datetime(TIME).optional(),
    createdBy: z.string(TEXT).optional(),
    updatedAt: z.iso.datetime(TIME).optional(),
    updatedBy: z.string(TEXT).optional(),
  },
  "must be a group of settings",
);

/** The settings of a row, complete with their defaults. */
export type EndpointSettings = z.output<typeof draftSchema>;
/** A row as a file may hold it: what the store itself keeps about a row may be absent. */
export type StoredRow = z.output<typeof storedSchema>;

/** The names of the settings of a row, in the order in which a stored row has them. */
export const SETTING_NAMES = Object.keys(settings) as readonly (keyof EndpointSettings)[];

/** Checks what a person gave and fills in the defaults. @throws WaypostError with the code of the first thing wrong */
export function checkDraft(draft: EndpointDraft, isSelf: IsSelf): EndpointSettings {
  const parsed = draftSchema.safeParse(draft, { reportInput: true });
  const found = parsed.success ? selfFindings(parsed.data, isSelf) : findings(parsed.error.issues, draftSchema);
  if (parsed.success && found.length === 0) {
    return parsed.data;
  }
  throw new WaypostError(codeOf(found[0]!, parsed.success), found.map((finding) => finding.text).join("; "));
}

/** Checks a stored row; what is wrong with it comes back as findings with paths inside the row. */
export function checkStoredRow(row: unknown, isSelf: IsSelf): StoredRow | Finding[] {
  if (isPlainRow(row)) {
    const found = selfFindings(row, isSelf);
    return found.length === 0 ? row : found;
  }
  const parsed = storedSchema.safeParse(row, { reportInput: true });
  if (!parsed.success) {
    return findings(parsed.error.issues, storedSchema);
  }
  const found = selfFindings(parsed.data, isSelf);
  return found.length === 0 ? parsed.data : found;
}

/** Makes a row in the stored order of its fields; absent settings stay absent. */
export function makeRow(
  from: EndpointSettings,
  kept: Pick<Endpoint, "version" | "createdAt" | "createdBy" | "updatedAt" | "updatedBy">,
): Endpoint {
  return {
    sipAddress: from.sipAddress,
    poolFqdn: from.poolFqdn,
    ...(from.displayName === undefined ? undefined : { displayName: from.displayName }),
    mode: from.mode,
    redirectStatus: from.redirectStatus,
    transport: from.transport,
    ...(from.port === undefined ? undefined : { port: from.port }),
    requestUri: from.requestUri,
    enabled: from.enabled,
    ...(from.backupPool === undefined ? undefined : { backupPool: from.backupPool }),
    ...(from.failoverOn === undefined ? undefined : { failoverOn: from.failoverOn }),
    ...(from.register === undefined ? undefined : { register: from.register }),
    ...(from.retired === undefined ? undefined : { retired: from.retired }),
    ...(from.retiredReason === undefined ? undefined : { retiredReason: from.retiredReason }),
    version: kept.version,
    createdAt: kept.createdAt,
    createdBy: kept.createdBy,
    updatedAt: kept.updatedAt,
    updatedBy: kept.updatedBy,
  };
}

/** The names of the settings in which two rows differ. */
export function changedSettings(
  a: EndpointSettings | Endpoint,
  b: EndpointSettings | Endpoint,
): (keyof EndpointSettings)[] {
  return SETTING_NAMES.filter((name) => a[name] !== b[name]);
}

function selfFindings(row: EndpointSettings, isSelf: IsSelf): Finding[] {
  const found: Finding[] = [];
  for (const name of ["poolFqdn", "backupPool"] as const) {
    const host = row[name];
    if (host !== undefined && isSelf(host, row.port)) {
      const at = row.port === undefined ? "" : ` with port ${row.port}`;
      found.push({
        path: [name],
        text: `${name} ${host}${at} is this gateway itself; calls would go in circles`,
        atKey: false,
      });
    }
  }
  return found;
}

function codeOf(finding: Finding, isSelfFinding: boolean): ErrorCode {
  if (isSelfFinding) {
    return "POOL_IS_SELF";
  }
  switch (finding.path[0]) {
    case "sipAddress":
      return "ADDRESS_INVALID";
    case "poolFqdn":
    case "backupPool":
      return "POOL_INVALID";
    default:
      return "SETTING_INVALID";
  }
}

function hasControlCharacter(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x20 || code === 0x7f) {
      return true;
    }
  }
  return false;
}
