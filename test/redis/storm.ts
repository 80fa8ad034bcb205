import { setTimeout as sleep } from "node:timers/promises";
import type { Actor, EndpointStore } from "../../src/endpoints/store.ts";
import type { WaypostError } from "../../src/errors.ts";
import type { GatewayProcess } from "../support/gateway.ts";

/** The row that all writers count up. */
export const SHARED = "sip:shared@contoso.com";
const POOL = "pool-a.contoso.com";

/** An edit as its writer saw it. Times are ms since 1970. */
export interface Edit {
  readonly revision: number;
  readonly answeredAt: number;
}

export interface Storm {
  readonly edits: readonly Edit[];
  /** How often the shared row had been changed by another writer since it was read. */
  readonly lostRaces: number;
}

/**
 * Edits by several writers at once, each with a connection of its own. Every other edit adds a row, the rest count the
 * shared row up: read it, and write the next number only if it is still the version that was read.
 * @param count edits of all writers together
 */
export async function storm(stores: readonly EndpointStore[], count: number): Promise<Storm> {
  const edits: Edit[] = [];
  let lostRaces = 0;
  const done = ({ revision }: { revision: number }) => edits.push({ revision, answeredAt: Date.now() });
  const countUp = async (store: EndpointStore, actor: Actor): Promise<void> => {
    for (let tries = 0; ; tries++) {
      const row = (await store.load()).endpoints.find(({ sipAddress }) => sipAddress === SHARED)!;
      const fields = { displayName: String(Number(row.displayName) + 1) };
      try {
        done(await store.change([{ kind: "set", sipAddress: SHARED, fields, expectedVersion: row.version }], actor));
        return;
      } catch (error) {
        if ((error as WaypostError).code !== "CHANGED_MEANWHILE") throw error;
        lostRaces++;
        await sleep(Math.random() * 10 * Math.min(tries, 10));
      }
    }
  };
  const write = async (store: EndpointStore, writer: number): Promise<void> => {
    const actor: Actor = { name: `writer${writer}`, source: "cli" };
    for (let i = 0; i < count / stores.length; i++) {
      const endpoint = { sipAddress: `room${i}-${writer}@contoso.com`, poolFqdn: POOL };
      if (i % 2 === 0) done(await store.change([{ kind: "add", endpoint }], actor));
      else await countUp(store, actor);
    }
  };
  await stores[0]!.change([{ kind: "add", endpoint: { sipAddress: SHARED, poolFqdn: POOL, displayName: "0" } }], {
    name: "writer0",
    source: "cli",
  });
  await Promise.all(stores.map(write));
  return { edits, lostRaces };
}

/**
 * How long edits took to be in force on a gateway, in ms: from the moment the change was handed to Redis (the time in
 * its history entry) to the line in the gateway's log. Both clocks are this machine's; their unit is 1 ms.
 */
export async function propagation(store: EndpointStore, gateway: GatewayProcess, edits: readonly Edit[]) {
  const inForce = new Map<number, number>();
  for (const line of gateway.log) {
    if (line.msg.endsWith("in force")) inForce.set(Number(line["revision"]), Date.parse(String(line["time"])));
  }
  const sentAt = new Map((await store.history()).map(({ revision, at }) => [revision, Date.parse(at)]));
  return edits.map(({ revision }) => inForce.get(revision)! - sentAt.get(revision)!).sort((a, b) => a - b);
}
