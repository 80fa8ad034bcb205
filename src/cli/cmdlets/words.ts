import { WaypostError } from "../../errors.ts";

/** PowerShell takes these for quotes too; they come along when a line is copied from a web page or a document. */
const QUOTE_CLASSES = ['"“”„', "'‘’‚‛"] as const;

/** `-Name` or `-Name:value` as it was typed. Word processors turn the dash into a longer one; PowerShell accepts those. */
export function parameterWord(word: string): { name: string; attached?: string } | undefined {
  const match = /^[-–—―]([A-Za-z_?][^:]*)(?::(.*))?$/su.exec(word);
  if (!match) return undefined;
  return match[2] === undefined ? { name: match[1] ?? "" } : { name: match[1] ?? "", attached: match[2] };
}

/**
 * The value that begins at `words[at]`, without quotes that the shell left in place, and the index after it.
 * A value that opens a quote goes on to the word that closes it.
 */
export function quotedValue(words: readonly string[], at: number): { value: string; next: number } {
  const first = words[at] ?? "";
  const quotes = QUOTE_CLASSES.find((kind) => first !== "" && kind.includes(first.charAt(0)));
  if (!quotes) return { value: first, next: at + 1 };
  const closes = (word: string) => word !== "" && quotes.includes(word.charAt(word.length - 1));
  if (first.length > 1 && closes(first)) return { value: first.slice(1, -1), next: at + 1 };
  // A word with blanks was grouped by the shell already: its first quote is part of the value.
  if (/\s/u.test(first)) return { value: first, next: at + 1 };
  for (let end = at + 1; end < words.length; end++) {
    if (closes(words[end] ?? "")) {
      return {
        value: words
          .slice(at, end + 1)
          .join(" ")
          .slice(1, -1),
        next: end + 1,
      };
    }
  }
  throw new WaypostError("USAGE", `The string ${first} is missing its terminator: ${first.charAt(0)}`);
}

/**
 * A script block such as `{SipAddress -eq "x"}`, which a Unix shell splits at its blanks and strips of its quotes.
 * @returns the text between the braces, words with blanks quoted again
 */
export function scriptBlock(words: readonly string[], at: number): { value: string; next: number } {
  for (let end = at; end < words.length; end++) {
    if (!words[end]?.trimEnd().endsWith("}")) continue;
    const inner = words.slice(at, end + 1);
    inner[0] = inner[0]?.trimStart().slice(1) ?? "";
    inner.push((inner.pop() ?? "").trimEnd().slice(0, -1));
    const value = inner.length === 1 ? (inner[0] ?? "") : inner.map(quotedAgain).join(" ").trim();
    return { value, next: end + 1 };
  }
  throw new WaypostError(
    "USAGE",
    "The script block {… is missing its closing brace. Quote it: '{SipAddress -eq \"…\"}'",
  );
}

function quotedAgain(word: string): string {
  return /\s/u.test(word) && !/["']/.test(word) ? `"${word}"` : word;
}
