import { createRequire } from "node:module";
import type { Node, ParseError } from "jsonc-parser";

/** Loaded when something is wrong, and not before: it would delay every command. */
const jsonc = (): typeof import("jsonc-parser") => createRequire(import.meta.url)("jsonc-parser");

/** A place in a text as editors count it: line and column start at 1. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

/** Finds the places of errors in a JSON text. It parses the text anew, so it is made only once something is wrong. */
export class ErrorLocator {
  readonly #text: string;
  readonly #root: Node | undefined;
  readonly #errors: ParseError[] = [];

  constructor(text: string) {
    this.#text = text;
    this.#root = jsonc().parseTree(text, this.#errors, { disallowComments: true, allowTrailingComma: false });
  }

  /** The syntax errors, one for each line: what follows on the same line is mostly a consequence of the first. */
  syntaxErrors(): { readonly place: Place; readonly text: string }[] {
    const errors = this.#errors.map((error) => ({
      place: this.#place(error.offset),
      text: SYNTAX[jsonc().printParseErrorCode(error.error)] ?? "this is not valid JSON",
    }));
    return errors.filter(({ place }, index) => place.line !== errors[index - 1]?.place.line);
  }

  /**
   * The place of a value, of its key with `atKey`, or of the nearest thing around it when the value is missing.
   * @param path object keys and array indexes from the top
   */
  placeOf(path: readonly (string | number)[], atKey: boolean): Place {
    for (let length = path.length; this.#root !== undefined && length > 0; length--) {
      const node = jsonc().findNodeAtLocation(this.#root, path.slice(0, length));
      if (node !== undefined) {
        return this.#place(atKey && length === path.length ? (node.parent?.offset ?? node.offset) : node.offset);
      }
    }
    return this.#place(this.#root?.offset ?? 0);
  }

  #place(offset: number): Place {
    let line = 1;
    let start = 0;
    for (let at = this.#text.indexOf("\n"); at >= 0 && at < offset; at = this.#text.indexOf("\n", at + 1)) {
      line++;
      start = at + 1;
    }
    return { line, column: offset - start + 1 };
  }
}

const SYNTAX: Partial<Record<string, string>> = {
  InvalidSymbol: "this word is not valid JSON; texts need double quotes",
  InvalidNumberFormat: "this is not a valid number",
  PropertyNameExpected: "a setting's name in double quotes is expected here (is there a comma too many?)",
  ValueExpected: "a value is expected here (is there a comma too many?)",
  ColonExpected: "a colon is expected here",
  CommaExpected: "a comma is missing in front of this",
  CloseBraceExpected: "a closing brace } is missing",
  CloseBracketExpected: "a closing bracket ] is missing",
  EndOfFileExpected: "nothing more may follow here",
  InvalidCommentToken: "JSON has no comments",
  UnexpectedEndOfComment: "JSON has no comments",
  UnexpectedEndOfString: "this text has no closing double quote",
  UnexpectedEndOfNumber: "this number is not complete",
  InvalidUnicode: "this \\u escape is not valid",
  InvalidEscapeCharacter: "this escape is not valid; a backslash is written as \\\\",
  InvalidCharacter: "this character must be written as an escape",
};
