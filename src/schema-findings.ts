import type { z } from "zod";
import { nearest } from "./nearest.ts";

/** One thing that is wrong with a document which a schema describes. */
export interface Finding {
  /** Where: object keys and array indexes from the top. It may lead to something that is missing. */
  readonly path: readonly (string | number)[];
  /** What is wrong and what is allowed: a sentence without full stop. */
  readonly text: string;
  /** True where `path` ends in a key that should not be there, so that the key and not its value is at fault. */
  readonly atKey: boolean;
}

/**
 * Turns a schema's refusal into findings for people. The schemas of this project give each check a message that
 * begins with "must be"; a message of a `custom` issue is a whole sentence.
 * @param issues from `safeParse(input, { reportInput: true })`
 */
export function findings(issues: readonly z.core.$ZodIssue[], schema: z.core.$ZodType): Finding[] {
  return issues.flatMap((issue) => fromIssue(issue, schema));
}

/** The path as people write it: `listen[0].port`. */
export function pathText(path: readonly PropertyKey[]): string {
  let text = "";
  for (const step of path) {
    const word = String(step);
    if (typeof step === "number") {
      text += `[${step}]`;
    } else if (word.includes(".")) {
      text += `["${word}"]`;
    } else {
      text += text === "" ? word : `.${word}`;
    }
  }
  return text;
}

function fromIssue(issue: z.core.$ZodIssue, schema: z.core.$ZodType): Finding[] {
  const path = issue.path.map((step) => (typeof step === "number" ? step : String(step)));
  const name = path.length === 0 ? "the document" : pathText(path);
  switch (issue.code) {
    case "unrecognized_keys": {
      const known = keysAt(schema, path);
      return issue.keys.map((key) => ({ path: [...path, key], text: unknownKey([...path, key], known), atKey: true }));
    }
    case "invalid_union": {
      // The alternative that got further than "wrong type" is the one that was meant.
      const meant = issue.errors.find((errors) =>
        errors.some(
          (inner) => (inner.code !== "invalid_type" && inner.code !== "invalid_value") || inner.path.length > 0,
        ),
      );
      return meant === undefined
        ? [{ path, text: sentence(name, issue.message, issue.input), atKey: false }]
        : meant.flatMap((inner) => fromIssue({ ...inner, path: [...issue.path, ...inner.path] }, schema));
    }
    case "custom":
      return [{ path, text: issue.message, atKey: false }];
    case "invalid_value": {
      const allowed = issue.values.map(String);
      const near = typeof issue.input === "string" ? nearest(issue.input, allowed) : undefined;
      const hint = near === undefined ? "" : `; did you mean ${near}?`;
      return [{ path, text: sentence(name, `must be ${list(allowed, "or")}`, issue.input) + hint, atKey: false }];
    }
    default: {
      const isGroup = issue.code === "invalid_type" && (issue.expected === "object" || issue.expected === "record");
      return [{ path, text: sentence(name, issue.message, issue.input, isGroup), atKey: false }];
    }
  }
}

/** Whether a setting must not be shown, not even where it is wrong. @param name its path */
function isSecret(name: string): boolean {
  return /(?:^|\.)(?:password|sentinelPassword|secret|url)$/.test(name);
}

/** A text of the configuration as it may be shown: of an address with user and password only the rest. */
export function shown(text: string): string {
  return text.replace(/\/\/.*@/s, "//…@");
}

function sentence(name: string, must: string, input: unknown, isGroup = false): string {
  if (input === undefined) return `${name} is missing; it ${must}`;
  if (isSecret(name)) return `${name} ${must}`;
  // A text in the place of a group with a password is most likely the password.
  return `${name} ${must}${isGroup && typeof input !== "object" ? ", not a single value" : butWas(input)}`;
}

/** The sentence about a key that does not exist, with the nearest right name. */
function unknownKey(path: readonly (string | number)[], known: readonly string[]): string {
  const near = nearest(String(path.at(-1)), known);
  const hint = near === undefined ? `; allowed are ${list(known, "and")}` : `; did you mean ${near}?`;
  return `unknown setting ${pathText(path)}${hint}`;
}

function list(words: readonly string[], joiner: "and" | "or"): string {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} ${joiner} ${words.at(-1)}`;
}

function butWas(input: unknown): string {
  if (input === null) {
    return ", but it is empty";
  }
  if (Array.isArray(input)) {
    return input.length === 0 ? ", not an empty list" : ", not a list";
  }
  if (typeof input === "object") {
    return ", not a group of settings";
  }
  const text = typeof input === "string" ? JSON.stringify(shown(input)) : String(input);
  return `, not ${text.length > 60 ? `${text.slice(0, 60)}…` : text}`;
}

/** The keys that a schema allows at a path; a union allows those of each alternative. */
export function keysAt(schema: z.core.$ZodType, path: readonly (string | number)[]): string[] {
  return objectsAt(schema, path).flatMap((object) => Object.keys(object._zod.def.shape));
}

/** Whether nothing but a text can stand at a path. */
export function isTextAt(schema: z.core.$ZodType, path: readonly (string | number)[]): boolean {
  const found = schemasAt(schema, path);
  return found.length > 0 && found.every(({ _zod }) => _zod.def.type === "string");
}

function objectsAt(schema: z.core.$ZodType, path: readonly (string | number)[]): z.core.$ZodObject[] {
  return schemasAt(schema, path).filter((found) => found._zod.def.type === "object") as z.core.$ZodObject[];
}

/** What is checked at a path, each alternative of a union. */
function schemasAt(schema: z.core.$ZodType, path: readonly (string | number)[]): z.core.$ZodType[] {
  const def = (schema as z.core.$ZodTypes)._zod.def;
  const [step, ...rest] = path;
  switch (def.type) {
    case "optional":
    case "default":
    case "prefault":
      return schemasAt(def.innerType, path);
    case "pipe":
      return schemasAt(def.in, path);
    case "union":
      return def.options.flatMap((option) => schemasAt(option, path));
  }
  if (step === undefined) {
    return [schema];
  }
  switch (def.type) {
    case "array":
      return schemasAt(def.element, rest);
    case "record":
      return schemasAt(def.valueType, rest);
    case "object": {
      const member = def.shape[String(step)];
      return member === undefined ? [] : schemasAt(member, rest);
    }
    default:
      return [];
  }
}
