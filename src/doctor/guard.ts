import type { Config } from "../config/config.ts";
import type { Endpoint } from "../endpoints/model.ts";
import type { RowDifference } from "../endpoints/store.ts";
import { type ErrorCode, WaypostError } from "../errors.ts";
import { reachOf } from "./from-config.ts";
import { type Finding, type PoolPlace, probePool } from "./reach.ts";

/** Pools that are asked at the same time. */
const AT_ONCE = 32;

/** A pool that a change leads callers to, with the addresses that it would serve. */
interface Asked {
  readonly place: PoolPlace;
  readonly addresses: string[];
  /** True when it is somebody's first choice, and no mere backup. */
  isFirst: boolean;
}

/**
 * Looks, before a change is made, whether each pool that it leads callers to answers, and is no gateway. What serves
 * nobody (a disabled or retired endpoint) and what stays as it was is not asked for.
 * @returns warnings: sentences about backup pools, which may well be down until they are needed
 * @throws WaypostError POOL_SILENT or POOL_IS_GATEWAY, with one line for each such pool
 */
export async function guardPools(differences: readonly RowDifference[], config: Config): Promise<string[]> {
  const asked = poolsOf(differences);
  if (!config.edit.probePool || asked.length === 0) return [];
  const reach = await reachOf(config, config.edit.probeSeconds * 1000);
  const warnings: string[] = [];
  const refusals: { code: ErrorCode; text: string }[] = [];
  try {
    for (let at = 0; at < asked.length; at += AT_ONCE) {
      const batch = asked.slice(at, at + AT_ONCE);
      const findings = await Promise.all(batch.map(({ place }) => probePool(place, reach)));
      findings.forEach((finding, index) => {
        const { place, addresses, isFirst } = batch[index]!;
        const text = sentence(finding, place.host, addresses);
        if (text === undefined) return;
        if (finding.kind === "silent" && !isFirst) warnings.push(`backup ${text}`);
        else refusals.push({ code: finding.kind === "silent" ? "POOL_SILENT" : "POOL_IS_GATEWAY", text });
      });
    }
  } finally {
    reach.locator.close();
  }
  const [first] = refusals;
  if (first !== undefined) throw new WaypostError(first.code, refusals.map(({ text }) => text).join("\n"));
  return warnings;
}

function poolsOf(differences: readonly RowDifference[]): Asked[] {
  const asked = new Map<string, Asked>();
  for (const { before, after } of differences) {
    if (after === undefined) continue;
    const present = new Set(placesOf(before).map(keyOfPlace));
    placesOf(after).forEach((place, index) => {
      const key = keyOfPlace(place);
      if (present.has(key)) return;
      const known = asked.get(key) ?? { place, addresses: [], isFirst: false };
      known.addresses.push(after.sipAddress);
      known.isFirst ||= index === 0;
      asked.set(key, known);
    });
  }
  return [...asked.values()];
}

/** Where a row leads its callers, the backup pool last. */
function placesOf(row: Endpoint | undefined): PoolPlace[] {
  if (row === undefined || !row.enabled || row.retired !== undefined) return [];
  const { poolFqdn, backupPool, port, transport } = row;
  const hosts = backupPool === undefined ? [poolFqdn] : [poolFqdn, backupPool];
  return hosts.map((host) => ({ host, port, transport }));
}

function keyOfPlace({ host, port, transport }: PoolPlace): string {
  return `${host.toLowerCase()} ${port ?? ""} ${transport}`;
}

function sentence(finding: Finding, host: string, addresses: readonly string[]): string | undefined {
  const more = addresses.length - 1;
  const whose = `pool ${host} (of ${addresses[0]}${more > 0 ? ` and ${more} more` : ""})`;
  switch (finding.kind) {
    case "answers":
      return undefined;
    case "silent":
      return `${whose} does not answer: ${finding.reason}`;
    case "gateway": {
      const { address, port } = finding.target;
      return `${whose} is a Waypost gateway, at ${address} port ${port}; calls could go in circles`;
    }
  }
}
