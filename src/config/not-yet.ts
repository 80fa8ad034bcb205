/** Words that the configuration knows but this version cannot carry out. Whoever builds one deletes it here. */
const NOT_YET: Readonly<Record<string, readonly string[]>> = {
  engine: ["drachtio"],
};

/** True for a word that this version can carry out; for a schema's `refine`. */
export function isBuilt(kind: keyof typeof NOT_YET): (word: string) => boolean {
  return (word) => !NOT_YET[kind]!.includes(word);
}

/** The sentence that refuses such a word. */
export function notBuilt(kind: keyof typeof NOT_YET): { error: (issue: { input: unknown }) => string } {
  return { error: (issue) => `${kind} ${String(issue.input)} is not available in this version` };
}
