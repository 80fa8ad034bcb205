import { WaypostError } from "../../errors.ts";
import { COMMON } from "./declarations.ts";
import type { Cmdlet, Parameter, Value } from "./parameter.ts";
import { convert, switchValue } from "./values.ts";
import { parameterWord, quotedValue, scriptBlock } from "./words.ts";

/** The parameters of one call, by their full names. */
export type Bound = ReadonlyMap<string, Value>;

/**
 * Binds the words of a command line to the parameters of a cmdlet as PowerShell does: names in any case, unambiguous
 * abbreviations, aliases, `-Name:value`, positions. Required ones are not checked: they may come by the pipe.
 * @throws WaypostError USAGE or SETTING_INVALID in PowerShell's words
 */
export function bind(cmdlet: Cmdlet, words: readonly string[]): Bound {
  const bound = new Map<string, Value>();
  const loose: string[] = [];
  let at = 0;
  while (at < words.length) {
    const word = words[at] ?? "";
    if (word === "--") {
      loose.push(...words.slice(at + 1));
      break;
    }
    if (word === "--help") return new Map([["Help", true]]);
    const typed = parameterWord(word);
    if (!typed) {
      const { value, next } = quotedValue(words, at);
      if (/^--[A-Za-z]/.test(word)) throw unknownName(cmdlet, word);
      loose.push(value);
      at = next;
      continue;
    }
    const parameter = named(cmdlet, typed.name);
    if (bound.has(parameter.name)) {
      throw new WaypostError("USAGE", `Parameter '${parameter.name}' is specified more than once.`);
    }
    const { value, next } = valueAt(parameter, typed.attached, words, at);
    bound.set(parameter.name, value);
    at = next;
  }
  bindPositions(cmdlet, bound, loose);
  return bound;
}

function valueAt(parameter: Parameter, attached: string | undefined, words: readonly string[], at: number) {
  if (parameter.type === "SwitchParameter") {
    return { value: attached === undefined ? true : switchValue(parameter, attached), next: at + 1 };
  }
  // `-Name:value` and, as PowerShell allows, `-Name: value`.
  const rest = attached ? [attached, ...words.slice(at + 1)] : words.slice(at + 1);
  const first = rest[0];
  if (first === undefined || (!attached && parameterWord(first))) throw missing(parameter, first);
  const block = parameter.name === "Filter" && first.trimStart().startsWith("{");
  const { value, next } = block ? scriptBlock(rest, 0) : quotedValue(rest, 0);
  return { value: convert(parameter, value), next: at + next + (attached ? 0 : 1) };
}

function bindPositions(cmdlet: Cmdlet, bound: Map<string, Value>, loose: readonly string[]): void {
  const places = cmdlet.parameters
    .filter((parameter) => parameter.position !== undefined && !bound.has(parameter.name))
    .sort((a, b) => (a.position ?? 0) - (b.position ?? 0));
  for (const [index, word] of loose.entries()) {
    const parameter = places[index];
    if (!parameter) {
      throw new WaypostError(
        "USAGE",
        `A positional parameter cannot be found that accepts argument '${word}'. Put a value with blanks in quotes.`,
      );
    }
    bound.set(parameter.name, convert(parameter, word));
  }
}

/**
 * The parameter meant by a name in any case, an alias, or the beginning of either. Lync's own parameters and the
 * common ones are looked at first: what Waypost adds must not make a line ambiguous that Lync understood.
 */
export function named(cmdlet: Cmdlet, typed: string): Parameter {
  const wanted = typed.toLowerCase();
  const names = (parameter: Parameter) => [parameter.name, ...(parameter.aliases ?? [])].map((n) => n.toLowerCase());
  const all = [...cmdlet.parameters, ...COMMON];
  const exact = all.find((parameter) => names(parameter).includes(wanted));
  if (exact) return exact;
  const begun = all.filter((parameter) => names(parameter).some((name) => name.startsWith(wanted)));
  const lyncs = begun.filter((parameter) => !parameter.ours);
  const candidates = lyncs.length > 0 ? lyncs : begun;
  const [only, ...others] = candidates;
  if (!only) throw unknownName(cmdlet, `-${typed}`);
  if (others.length === 0) return only;
  throw new WaypostError(
    "USAGE",
    `Parameter cannot be processed because the parameter name '${typed}' is ambiguous. ` +
      `Possible matches include: ${candidates.map((parameter) => `-${parameter.name}`).join(" ")}.`,
  );
}

function unknownName(cmdlet: Cmdlet, word: string): WaypostError {
  const known = cmdlet.parameters.map((parameter) => `-${parameter.name}`).join(" ");
  return new WaypostError(
    "USAGE",
    `A parameter cannot be found that matches parameter name '${word.slice(1)}'. ${cmdlet.name} takes ${known}.`,
  );
}

function missing(parameter: Parameter, next: string | undefined): WaypostError {
  const hint =
    parameter.type === "Boolean"
      ? ` A Unix shell replaces $true and $false by nothing: write -${parameter.name} true or -${parameter.name} false.`
      : next === undefined
        ? ""
        : ` A value that begins with a dash is given as -${parameter.name}:${next}.`;
  return new WaypostError("USAGE", `Missing an argument for parameter '${parameter.name}'.${hint}`);
}
