import type { Answer, Question, RecordType } from "./records.ts";

type Known = <T extends RecordType>(question: Question<T>) => Answer<T> | undefined;
type Family = 4 | 6;

/** The questions for a name's addresses. */
export function addressQuestions(name: string, families: readonly Family[]): readonly Question<"A" | "AAAA">[] {
  return families.map((family) => ({ type: family === 4 ? "A" : "AAAA", name }));
}

/** The addresses known of a name, IPv4 first, and the questions that are still open. */
export function addressesOf(
  name: string,
  families: readonly Family[],
  known: Known,
): { readonly addresses: readonly string[]; readonly missing: readonly Question[] } {
  const addresses: string[] = [];
  const missing: Question[] = [];
  for (const question of addressQuestions(name, families)) {
    const answer = known(question);
    if (answer === undefined) missing.push(question);
    else if (answer.kind === "found") addresses.push(...answer.records);
  }
  return { addresses, missing };
}

/** Why a name has no address, as a sentence. */
export function explainMissing(name: string, families: readonly Family[], known: Known): string {
  let failure: string | undefined;
  for (const question of addressQuestions(name, families)) {
    const answer = known(question);
    if (answer?.kind === "none" && !answer.exists) return `${name} does not exist in DNS`;
    if (answer?.kind === "failed") failure ??= answer.reason;
  }
  return failure ?? `${name} has no address in DNS`;
}
