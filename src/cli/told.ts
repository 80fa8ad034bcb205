import type { ChangeResult } from "../endpoints/store.ts";
import { type ChangeOptions, isDryRun } from "./commit.ts";
import { toldDifference } from "./differences.ts";
import { jsonLine } from "./format.ts";
import type { Opened, Session } from "./session.ts";

/**
 * Tells what a change did, or would do, and with `--wait` stays until the gateways run it.
 * @param sum a line about the whole, for standard error
 */
export async function tellChange(
  { io }: Session,
  { store }: Opened,
  result: ChangeResult,
  options: ChangeOptions,
  sum = "",
): Promise<void> {
  const dryRun = isDryRun(options);
  const { revision, differences } = result;
  if (differences.length === 0) io.err("Nothing to change: the table is so already.\n");
  for (const difference of differences) {
    if (options.json) io.out(jsonLine({ dryRun, revision, ...difference }));
    else io.out(toldDifference(difference, dryRun ? "planned" : "done", dryRun ? "" : ` (revision ${revision})`));
  }
  io.err(sum);
  if (dryRun || options.wait === undefined) return;
  const { waitForGateways, WAIT_SECONDS } = await import("./wait.ts");
  const seconds = options.wait === true ? WAIT_SECONDS : options.wait;
  io.err(`${await waitForGateways(store, revision, seconds)}\n`);
}
