import { parseDocument } from "yaml";
import { nearest } from "../nearest.ts";
import { isTextAt, keysAt } from "../schema-findings.ts";
import { configSchema } from "./schema.ts";
import { yamlFaults } from "./yaml-faults.ts";

/** A setting from the environment: it stands above the same setting of the file. */
export interface EnvironmentSetting {
  readonly variable: string;
  readonly path: readonly string[];
  readonly value: unknown;
}

const PREFIX = "WAYPOST_";
/** Variables with our prefix that are no settings. */
const RESERVED: readonly string[] = ["WAYPOST_CONFIG"];

/**
 * Reads the settings among the environment variables: `WAYPOST_LOG__LEVEL=debug`, with `__` between the levels and
 * without regard to case and single underscores (`WAYPOST_DEFAULT_ROUTE`). A value is read as YAML, so that numbers,
 * lists and groups can be given, but for settings that are a text, which is taken as it stands; an empty value counts as
 * not set.
 * @returns the settings, outer ones first, and what is wrong, as sentences that start with the variable's name
 */
export function readEnvironment(env: NodeJS.ProcessEnv): { settings: EnvironmentSetting[]; faults: string[] } {
  const settings: EnvironmentSetting[] = [];
  const faults: string[] = [];
  for (const [variable, text] of Object.entries(env)) {
    if (!variable.startsWith(PREFIX) || RESERVED.includes(variable) || isServiceLink(variable) || !text) {
      continue;
    }
    const path = pathOf(variable);
    if (path === undefined) {
      const near = nearest(variable, variableNames());
      faults.push(`${variable}: there is no such setting${near === undefined ? "" : `; did you mean ${near}?`}`);
      continue;
    }
    if (isTextAt(configSchema, path)) {
      // YAML would end it at a " #", and take its first character for more than itself.
      settings.push({ variable, path, value: text });
      continue;
    }
    const document = parseDocument(text, { prettyErrors: false });
    const broken = yamlFaults(document);
    if (broken.length === 0) settings.push({ variable, path, value: document.toJS() });
    else faults.push(`${variable}: ${broken[0]!.text}`);
  }
  settings.sort((a, b) => a.path.length - b.path.length);
  return { settings, faults };
}

/** Puts settings from the environment into the document that was read from the file. */
export function overlay(document: unknown, settings: readonly EnvironmentSetting[]): unknown {
  let result: unknown = document ?? {};
  for (const { path, value } of settings) {
    result = withValue(result, path, value);
  }
  return result;
}

function withValue(document: unknown, path: readonly string[], value: unknown): unknown {
  const [step, ...rest] = path;
  if (step === undefined) {
    return value;
  }
  const group = typeof document === "object" && document !== null && !Array.isArray(document) ? document : {};
  return { ...group, [step]: withValue((group as Record<string, unknown>)[step], rest, value) };
}

/** The path of settings that a variable names; undefined when there is no such setting. */
function pathOf(variable: string): string[] | undefined {
  const path: string[] = [];
  for (const word of variable.slice(PREFIX.length).split("__")) {
    const key = keysAt(configSchema, path).find((known) => plain(known) === plain(word));
    if (key === undefined) {
      return undefined;
    }
    path.push(key);
  }
  return path;
}

function variableNames(): string[] {
  const names = [...RESERVED];
  for (const key of keysAt(configSchema, [])) {
    names.push(PREFIX + key.toUpperCase());
    names.push(...keysAt(configSchema, [key]).map((inner) => `${PREFIX}${key}__${inner}`.toUpperCase()));
  }
  return names;
}

function plain(word: string): string {
  return word.replaceAll("_", "").toLowerCase();
}

/** Kubernetes and Docker links put the addresses of a service called "waypost" into the environment unasked. */
function isServiceLink(variable: string): boolean {
  return /^WAYPOST_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT|PORT_\d+_(TCP|UDP)(_\w+)?)$/.test(variable);
}
