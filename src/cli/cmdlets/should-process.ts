import { addressKey } from "../../endpoints/address-key.ts";
import type { Endpoint } from "../../endpoints/model.ts";
import type { ChangeResult, RowChange, RowDifference } from "../../endpoints/store.ts";
import { WaypostError } from "../../errors.ts";
import { type ChangeOptions, commit as guarded } from "../commit.ts";
import { differenceLines } from "../differences.ts";
import { withScheme } from "../identity.ts";
import { type Call, flag, text, verbose, warn } from "./call.ts";

/** One change with the row it is about, where there is one already. */
export interface Planned {
  readonly change: RowChange;
  readonly present?: Endpoint;
}

/**
 * Commits changes all together, with PowerShell's -WhatIf (says and does nothing), -Confirm (asks for each) and
 * -Verbose. What would be refused is refused before anything is said or asked.
 * @returns the rows as they are afterwards, removed ones apart; nothing when nothing was done
 */
export async function commit(call: Call, planned: readonly Planned[]): Promise<Endpoint[]> {
  if (planned.length === 0) return [];
  const opened = await call.opened();
  const { store } = opened;
  const make = (plans: readonly Planned[], whatIf: boolean) => {
    const options = { ...changeOptions(call), ...(whatIf ? { dryRun: true as const } : {}) };
    return guarded(opened, { err: (line) => warn(call, line.replace(/^warning: |\n$/g, "")) }, options, (dryRun) =>
      store.change(changesOf(plans), call.actor, { dryRun }),
    );
  };
  if (flag(call, "WhatIf")) {
    const result = await make(planned, true);
    for (const plan of planned) {
      const details = differenceLines(differenceOf(plan, result) ?? {}).map((line) => `         ${line}`);
      call.io.out([`What if: ${sentence(call, plan)}`, ...details, ""].join("\n"));
    }
    return [];
  }
  let agreed = planned;
  if (flag(call, "Confirm")) {
    await make(planned, true);
    agreed = await confirmed(call, planned);
    if (agreed.length === 0) return [];
  }
  for (const plan of agreed) verbose(call, sentence(call, plan));
  const result = await make(agreed, false);
  if (flag(call, "Wait")) {
    const { waitForGateways, WAIT_SECONDS } = await import("../wait.ts");
    const seconds = Number(call.bound.get("Timeout") ?? WAIT_SECONDS);
    verbose(call, `${await waitForGateways(store, result.revision, seconds)}.`);
  }
  return agreed.flatMap((plan) => {
    const difference = differenceOf(plan, result);
    // A store reports no difference for a row that had the wished-for settings already.
    return (difference ? difference.after : plan.present) ?? [];
  });
}

/** Remove has a -Force of its own, which means something else; nothing that it does needs forcing here. */
function changeOptions(call: Call): ChangeOptions {
  const reason = text(call, "Reason");
  const forced = flag(call, "Force") && call.cmdlet.name !== "Remove-CsPersistentChatEndpoint";
  if (forced && !reason?.trim()) {
    throw new WaypostError("USAGE", "-Force passes over a guard rail: say why with -Reason.");
  }
  return { ...(forced ? { force: true } : {}), ...(reason === undefined ? {} : { reason }) };
}

function changesOf(planned: readonly Planned[]): RowChange[] {
  return planned.map(({ change }) => change);
}

function addressOf({ change, present }: Planned): string {
  return present?.sipAddress ?? withScheme(change.kind === "add" ? change.endpoint.sipAddress : change.sipAddress);
}

function sentence(call: Call, plan: Planned): string {
  return `Performing the operation "${call.cmdlet.name}" on target "${addressOf(plan)}".`;
}

function differenceOf(plan: Planned, result: ChangeResult): RowDifference | undefined {
  const key = addressKey(addressOf(plan));
  return result.differences.find(({ before, after }) => addressKey((before ?? after)?.sipAddress ?? "") === key);
}

async function confirmed(call: Call, planned: readonly Planned[]): Promise<Planned[]> {
  const agreed: Planned[] = [];
  for (const [index, plan] of planned.entries()) {
    const answer = await answered(call, sentence(call, plan));
    if (answer === "a") return [...agreed, ...planned.slice(index)];
    if (answer === "l") return agreed;
    if (answer === "y") agreed.push(plan);
  }
  return agreed;
}

async function answered(call: Call, what: string): Promise<"y" | "a" | "n" | "l"> {
  const question =
    `Confirm\nAre you sure you want to perform this action?\n${what}\n` +
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
