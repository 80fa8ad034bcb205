import { WaypostError } from "../../errors.ts";
import { differencesBetween } from "../differences.ts";
import { nextEntry } from "../history.ts";
import type { Actor, ChangeResult } from "../store.ts";
import { hashOf } from "../table-hash.ts";
import type { Follower } from "./follower.ts";
import type { RedisTable } from "./redis-table.ts";

/**
 * Carries out a person's word about a table that does not continue the one known here: takes over what Redis holds, or
 * puts the known one back into it.
 * @param place of the Redis, for people
 * @throws WaypostError CHANGED_MEANWHILE
 */
export async function settleTable(
  { table, follower, place }: { table: RedisTable; follower: Follower; place: string },
  decision: "accept" | "restore",
  actor: Actor,
): Promise<ChangeResult> {
  const { mirror } = follower;
  const { mark } = mirror;
  const { head } = await table.read();
  const stored = decision === "accept" ? await follower.loadRows() : undefined;
  const differences = stored === undefined ? [] : differencesBetween([...mirror.rows()], [...stored.values()]);
  const tableHash = stored === undefined ? mark.hash : hashOf(stored.values());
  // The copy that a command goes by is a moment behind its gateway; no revision is to be given twice.
  const served = (await table.gateways(Date.now())).map((gateway) => gateway.revision);
  const revision = Math.max(mark.revision, head?.revision ?? 0, ...served) + 1;
  const at = new Date().toISOString();
  const entry = nextEntry(mark.chain, { revision, at, actor, differences, tableHash });
  const replaces = new Set([...(head?.replaces ?? []), head?.lineage ?? "", mark.lineage]);
  const lineage = stored === undefined ? mark.lineage || entry.hash : entry.hash;
  replaces.delete("");
  replaces.delete(lineage);
  const step = { head, lineage, entry, count: stored?.size ?? mirror.size };
  const outcome = await table.settle(step, replaces, stored === undefined ? mirror.rows() : undefined);
  if (outcome === "MOVED") {
    throw new WaypostError("CHANGED_MEANWHILE", `${place} was changed while the decision was carried out`);
  }
  return { revision, hash: tableHash, differences };
}
