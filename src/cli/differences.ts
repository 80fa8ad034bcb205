import type { Endpoint } from "../endpoints/model.ts";
import type { RowDifference } from "../endpoints/store.ts";

const BOOKKEEPING: ReadonlySet<string> = new Set(["version", "createdAt", "createdBy", "updatedAt", "updatedBy"]);

/** What a change does to the settings of a row, one line per setting: `mode: proxy -> redirect`. */
export function differenceLines({ before, after }: RowDifference): string[] {
  const fields = new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})]) as Set<keyof Endpoint>;
  return [...fields]
    .filter((field) => !BOOKKEEPING.has(field) && before?.[field] !== after?.[field])
    .map((field) => {
      if (!before) return `${field}: ${after?.[field]}`;
      if (!after) return `${field}: ${before[field]} -> (removed)`;
      return `${field}: ${before[field] ?? "(none)"} -> ${after[field] ?? "(none)"}`;
    });
}

/** What happened to a row: `added`, or with a dry run `would add`; its address; and one line per setting. */
export function toldDifference(difference: RowDifference, tense: "done" | "planned", behind = ""): string {
  const { before, after } = difference;
  const [done, wouldBe] = !before ? ["added", "add"] : !after ? ["removed", "remove"] : ["changed", "change"];
  const head = `${tense === "planned" ? `would ${wouldBe}` : done} ${(after ?? before)?.sipAddress}${behind}`;
  return [head, ...differenceLines(difference).map((line) => `  ${line}`), ""].join("\n");
}
