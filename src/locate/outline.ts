import type { Target } from "../sip/flow.ts";
import { type Draw, drawFrom, shuffled, srvOrder } from "./draw.ts";
import type { SrvRecord } from "./records.ts";

/** Every address of no query is worth a try that lasts seconds; so many at most. */
const MAX_TARGETS = 128;

/** A server, or a name without SRV records, with what can be tried there. */
export interface OutlineServer extends SrvRecord {
  /** In the order in which to try them: the addresses of one transport and family, as DNS gave them. */
  readonly groups: readonly (readonly Target[])[];
}

/** All that DNS and our ways out decide; what is left to chance is still open. Has at least one target. */
export interface Outline {
  readonly ok: true;
  readonly servers: readonly OutlineServer[];
}

/** The list of the only target, where there is one alone: nothing is to be arranged, and the same list serves again and again. */
export function onlyTarget({ servers }: Outline): readonly Target[] | undefined {
  const only = servers.length === 1 ? servers[0]!.groups : [];
  return only.length === 1 && only[0]!.length === 1 ? only[0]! : undefined;
}

/**
 * The targets of an outline in the order in which to try them.
 * @param seed decides what RFC 2782 leaves to chance
 * @param spread whether it also decides on the order of one server's addresses
 */
export function arrange({ servers }: Outline, seed: number, spread: boolean): readonly Target[] {
  const draw = drawFrom(seed);
  const targets: Target[] = [];
  for (const server of servers.length > 1 ? srvOrder(servers, draw) : servers) {
    for (const group of server.groups) targets.push(...(spread ? spreadOut(group, draw) : group));
  }
  if (targets.length > MAX_TARGETS) targets.length = MAX_TARGETS;
  return targets;
}

/** In an order to which that of DNS adds nothing. */
function spreadOut(group: readonly Target[], draw: Draw): readonly Target[] {
  if (group.length < 2) return group;
  const sorted = [...group].sort((a, b) => (a.address < b.address ? -1 : 1));
  return shuffled(sorted, draw);
}
