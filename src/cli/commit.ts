import type { ChangeResult } from "../endpoints/store.ts";
import { WaypostError } from "../errors.ts";
import type { Io } from "./io.ts";
import type { Opened } from "./session.ts";

/** How every command that changes the table is told to do it. */
export interface ChangeOptions {
  readonly reason?: string;
  readonly dryRun?: true;
  readonly whatIf?: true;
  readonly force?: true;
  readonly json?: true;
  /** Seconds to wait for the gateways; true = the usual time, absent = not at all. */
  readonly wait?: number | true;
}

export function isDryRun({ dryRun, whatIf }: ChangeOptions): boolean {
  return dryRun === true || whatIf === true;
}

/**
 * Makes a change of the table, behind the guard rails: unless it is forced, pools that it leads callers to have to
 * answer. A dry run is refused for the same reasons as the change itself.
 * @param attempt makes the change, or only plans it
 * @throws WaypostError whatever `attempt` throws; USAGE for force without a reason; POOL_SILENT; POOL_IS_GATEWAY
 */
export async function commit(
  { config }: Opened,
  io: Pick<Io, "err">,
  options: ChangeOptions,
  attempt: (dryRun: boolean) => Promise<ChangeResult>,
): Promise<ChangeResult> {
  const forced = options.force === true;
  if (forced && !options.reason?.trim()) {
    throw new WaypostError("USAGE", "--force passes over a guard rail: say why with --reason.");
  }
  if (!isDryRun(options) && (forced || !config.edit.probePool)) return attempt(false);
  const planned = await attempt(true);
  if (!forced && config.edit.probePool && planned.differences.length > 0) {
    const { guardPools } = await import("../doctor/guard.ts");
    for (const warning of await guardPools(planned.differences, config)) io.err(`warning: ${warning}\n`);
  }
  return isDryRun(options) ? planned : attempt(false);
}
