import { type Document, visit } from "yaml";

/** Something wrong with a text as YAML, and where it begins, in characters. */
export interface YamlFault {
  readonly offset: number;
  readonly text: string;
}

const QUOTE_IT = "; a text that begins with it has to stand in quotes";

/**
 * What is wrong with a document as YAML. The text itself is not quoted: what cannot be read may be a password that
 * begins with a character that means something to YAML.
 */
export function yamlFaults(document: Document.Parsed): YamlFault[] {
  const faults = [...document.errors, ...document.warnings].map(({ code, message, pos }) => {
    const text = code === "TAG_RESOLVE_FAILED" ? `! begins a tag, and there is none like this${QUOTE_IT}` : message;
    // Behind a colon the parser quotes what it found.
    return { offset: pos[0], text: text.replace(/(?<=\w): .+$/s, "") };
  });
  visit(document, {
    Alias(_key, alias) {
      if (alias.resolve(document) === undefined) {
        const text = `* begins an alias, and there is no anchor (&) for this one${QUOTE_IT}`;
        faults.push({ offset: alias.range?.[0] ?? 0, text });
      }
    },
  });
  return faults;
}
