import type { KnownGateway, StoreHealth } from "../endpoints/store.ts";
import { unableRows } from "../unable-rows.ts";
import { ageText, jsonLine, table } from "./format.ts";
import { type Session, withTable } from "./session.ts";

/** Of endpoints that cannot be served, so many are named. */
const NAMED = 10;

/**
 * `waypost status`: the store, the table, and what each gateway runs.
 * @returns the exit status: 1 when the store is not well, or a live gateway does not run the stored table or
 * cannot register an address
 */
export async function runStatus(session: Session, options: { json?: true }): Promise<number> {
  return withTable(session, async ({ config, store }) => {
    const loaded = await store.load().catch((error: Error) => error);
    const [health, gateways] = await Promise.all([store.health(), store.gateways().catch(() => [])]);
    const current = loaded instanceof Error ? undefined : loaded;
    const behind = gateways.filter(({ live, hash }) => live && current !== undefined && hash !== current.hash);
    const unwell = gateways.filter(({ live, health: theirs }) => live && theirs.state !== "ok");
    const unregistered = gateways.some(({ live, registrations }) => live && (registrations?.failed ?? 0) > 0);
    const serves = current !== undefined && health.state === "ok" && behind.length === 0 && unwell.length === 0;
    const ok = serves && !unregistered;
    const unable = unableRows(current?.endpoints ?? [], config);
    if (options.json) {
      const { revision, hash, endpoints } = current ?? {};
      const count = endpoints?.length;
      session.io.out(jsonLine({ ok, store: health, revision, hash, endpoints: count, unable, gateways }));
      return ok ? 0 : 1;
    }
    session.io.out(`store     ${health.kind} ${health.place}: ${stateText(health)}\n`);
    if (current === undefined) session.io.err(`waypost: ${(loaded as Error).message}\n`);
    else {
      const { revision, hash, endpoints } = current;
      const count = `${endpoints.length} endpoint${endpoints.length === 1 ? "" : "s"}`;
      session.io.out(`table     revision ${revision}, ${count}, hash ${hash}\n`);
    }
    for (const { sipAddress, reason } of unable.slice(0, NAMED)) {
      session.io.err(`warning: endpoint ${sipAddress} cannot be served by engine ${config.engine}: ${reason}\n`);
    }
    for (const line of registrationLines(gateways)) session.io.out(line);
    if (unable.length > NAMED)
      session.io.err(`warning: and ${unable.length - NAMED} more; \`waypost check\` names all\n`);
    session.io.out(gateways.length === 0 ? "gateways  none has reported\n" : gatewayTable(gateways, current?.hash));
    return ok ? 0 : 1;
  });
}

/** A line for each live gateway that registers addresses. */
function registrationLines(gateways: readonly KnownGateway[]): string[] {
  return gateways.flatMap(({ name, live, registrations }) => {
    if (!live || registrations === undefined) return [];
    const { registered, pending, failed, trouble } = registrations;
    const sum = `${registered} of ${registered + pending + failed} addresses registered by ${name}`;
    return [`registrar ${sum}${trouble === undefined ? "" : `; ${trouble}`}\n`];
  });
}

function gatewayTable(gateways: readonly KnownGateway[], hash: string | undefined): string {
  const head = ["GATEWAY", "STATE", "REVISION", "ENDPOINTS", "HASH", "STORE", "REPORTED"];
  const rows = gateways.map((gateway) => [
    gateway.name,
    stateOf(gateway, hash),
    String(gateway.revision),
    String(gateway.endpoints),
    gateway.hash.slice(0, 12),
    stateText(gateway.health),
    ageText(gateway.at),
  ]);
  return `\n${table(head, rows)}`;
}

function stateOf({ live, hash: theirs }: KnownGateway, hash: string | undefined): string {
  if (!live) return "silent";
  return hash === undefined || theirs === hash ? "current" : "behind";
}

function stateText({ state, reason, since, currentAt, warning }: StoreHealth): string {
  if (state === "ok") return warning === undefined ? "ok" : `ok, but ${warning}`;
  const age = currentAt === undefined ? "" : `, table of ${ageText(currentAt)}`;
  return `${state} since ${since}${age}${reason === undefined ? "" : `: ${reason}`}`;
}
