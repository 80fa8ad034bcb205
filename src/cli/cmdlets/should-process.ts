import type { ChangeResult, RowChange } from "../../endpoints/store.ts";
import { WaypostError } from "../../errors.ts";
import { differenceLines } from "../differences.ts";
import { type Call, flag, verbose } from "./call.ts";

/** One change with the address that messages name. */
export interface Planned {
  readonly change: RowChange;
  readonly target: string;
}

/**
 * Commits changes all together, with PowerShell's -WhatIf (says and does nothing), -Confirm (asks for each) and
 * -Verbose. What would be refused is refused before anything is said or asked.
 * @returns undefined when nothing was to be changed
 */
export async function commit(call: Call, planned: readonly Planned[]): Promise<ChangeResult | undefined> {
  if (planned.length === 0) return undefined;
  const store = await call.store();
  const sentence = ({ target }: Planned) => `Performing the operation "${call.cmdlet.name}" on target "${target}".`;
  if (flag(call, "WhatIf")) {
    const { differences } = await store.change(changesOf(planned), call.actor, { dryRun: true });
    for (const [index, plan] of planned.entries()) {
      const difference = differences[index] ?? {};
      const target = (difference.before ?? difference.after)?.sipAddress ?? plan.target;
      const details = differenceLines(difference);
      call.io.out(
        [`What if: ${sentence({ ...plan, target })}`, ...details.map((line) => `         ${line}`), ""].join("\n"),
      );
    }
    return undefined;
  }
  let agreed = planned;
  if (flag(call, "Confirm")) {
    await store.change(changesOf(planned), call.actor, { dryRun: true });
    agreed = await confirmed(call, planned, sentence);
    if (agreed.length === 0) return undefined;
  }
  for (const plan of agreed) verbose(call, sentence(plan));
  return store.change(changesOf(agreed), call.actor);
}

function changesOf(planned: readonly Planned[]): RowChange[] {
  return planned.map(({ change }) => change);
}

async function confirmed(call: Call, planned: readonly Planned[], sentence: (plan: Planned) => string) {
  const agreed: Planned[] = [];
  for (const [index, plan] of planned.entries()) {
    const answer = await answered(call, sentence(plan));
    if (answer === "a") return [...agreed, ...planned.slice(index)];
    if (answer === "l") return agreed;
    if (answer === "y") agreed.push(plan);
  }
  return agreed;
}

async function answered(call: Call, sentence: string): Promise<"y" | "a" | "n" | "l"> {
  const question =
    `Confirm\nAre you sure you want to perform this action?\n${sentence}\n` +
    '[Y] Yes  [A] Yes to All  [N] No  [L] No to All  (default is "Y"): ';
  for (;;) {
    const line = await call.io.ask(question);
    if (line === undefined) {
      throw new WaypostError(
        "USAGE",
        "-Confirm has to ask, and there is no terminal. See what would happen with -WhatIf, then leave out -Confirm.",
      );
    }
    const answer = line.trim().toLowerCase();
    if (answer === "" || answer === "y" || answer === "yes") return "y";
    if (answer === "a" || answer === "n" || answer === "l") return answer;
    if (answer === "no") return "n";
  }
}
