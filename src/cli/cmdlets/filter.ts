import { WaypostError } from "../../errors.ts";
import { shown } from "../format.ts";

type Test = (object: Readonly<Record<string, unknown>>) => boolean;

const OPERATORS: Readonly<Record<string, (have: string, want: string) => boolean>> = {
  "-eq": (have, want) => have === want,
  "-ne": (have, want) => have !== want,
  "-like": (have, want) => pattern(want).test(have),
  "-notlike": (have, want) => !pattern(want).test(have),
};

/**
 * Reads a `-Filter`: `Property -eq "text"`, with -ne, -like and -notlike (* and ? stand for any text and any one
 * character), joined by -and and -or, which PowerShell takes from left to right. Case is ignored.
 * @param properties the names that may be asked for
 * @throws WaypostError USAGE for anything else
 */
export function filter(text: string, properties: readonly string[]): Test {
  const words = tokens(text.trim().replace(/^\{([\s\S]*)\}$/, "$1"));
  let test = comparison(words.splice(0, 3), properties, text);
  while (words.length > 0) {
    const left = test;
    const join = words.shift()?.text.toLowerCase();
    const right = comparison(words.splice(0, 3), properties, text);
    if (join === "-and") test = (object) => left(object) && right(object);
    else if (join === "-or") test = (object) => left(object) || right(object);
    else throw refused(text, `"${join}" stands where -and or -or is expected`);
  }
  return test;
}

interface Token {
  readonly text: string;
  readonly quoted: boolean;
}

function tokens(text: string): Token[] {
  const found = text.matchAll(/"((?:[^"]|"")*)"|'((?:[^']|'')*)'|([^\s"']+)|(["'])/g);
  return [...found].map(([, double, single, bare, stray]) => {
    if (stray) throw refused(text, `the quote ${stray} is not closed`);
    if (bare !== undefined) return { text: bare, quoted: false };
    return { text: double?.replaceAll('""', '"') ?? single?.replaceAll("''", "'") ?? "", quoted: true };
  });
}

function comparison(words: readonly Token[], properties: readonly string[], whole: string): Test {
  const [name, operator, value] = words;
  if (!name || !operator || !value) throw refused(whole, "a comparison has three parts: property, operator, value");
  const property = properties.find((known) => !name.quoted && known.toLowerCase() === name.text.toLowerCase());
  if (!property) throw refused(whole, `"${name.text}" is no property; there are ${properties.join(", ")}`);
  const compare = OPERATORS[operator.text.toLowerCase()];
  if (!compare) throw refused(whole, `"${operator.text}" is no operator known here`);
  const want = wanted(value).toLowerCase();
  return (object) => compare(shown(object[property]).toLowerCase(), want);
}

function wanted(value: Token): string {
  if (value.quoted || !value.text.startsWith("$")) return value.text;
  const name = value.text.toLowerCase();
  if (name === "$true" || name === "$false") return name.slice(1);
  if (name === "$null") return "";
  throw new WaypostError("USAGE", `-Filter cannot know the PowerShell variable ${value.text}. Write its value.`);
}

function pattern(like: string): RegExp {
  const source = like
    .replace(/[.+^${}()|[\]\\]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  return new RegExp(`^${source}$`, "su");
}

function refused(text: string, why: string): WaypostError {
  return new WaypostError(
    "USAGE",
    `-Filter {${text}} cannot be used: ${why}. ` +
      'It takes comparisons such as {SipAddress -like "*@contoso.com"} with -eq, -ne, -like, -notlike, -and, -or.',
  );
}
