import { setTimeout as sleep } from "node:timers/promises";
import { type Drain, drainPlace, parseDrainedPlace } from "../drained-address.ts";
import type { EndpointStore, KnownGateway } from "../endpoints/store.ts";
import { WaypostError } from "../errors.ts";
import { actor } from "./actor.ts";
import { ageText, jsonLine } from "./format.ts";
import { type Session, withTable } from "./session.ts";
import { WAIT_SECONDS } from "./wait.ts";

const LOOK_MS = 250;

/**
 * `waypost pools`: each address of the pools as each gateway sees it, in a sentence.
 * @returns the exit status: 1 when an address is in trouble at a live gateway
 */
export async function showPools(session: Session, options: { json?: true }): Promise<number> {
  return withTable(session, async ({ store }) => {
    const [gateways, drains] = await Promise.all([store.gateways(), store.drains()]);
    const inTrouble = gateways.some(({ live, pools = [] }) => live && pools.some(({ observed }) => observed !== "up"));
    const status = inTrouble ? 1 : 0;
    if (options.json) {
      const each = gateways.map(({ name, live, at, pools = [] }) => ({ name, live, at, pools }));
      session.io.out(jsonLine({ ok: !inTrouble, drains, gateways: each }));
      return status;
    }
    if (gateways.length === 0) session.io.out("no gateway has reported\n");
    for (const gateway of gateways) session.io.out(gatewayText(gateway));
    const told = new Set(gateways.flatMap(({ drained = [] }) => drained));
    for (const drain of drains) {
      if (!told.has(drain.place)) session.io.out(`${drainText(drain)}; no gateway has taken that up\n`);
    }
    return status;
  });
}

function gatewayText({ name, live, at, pools = [] }: KnownGateway): string {
  const head = `${name}${live ? "" : " (silent)"}, as of ${ageText(at)}\n`;
  if (pools.length === 0) return `${head}  no address of a pool was used yet\n`;
  return head + pools.map(({ sentence }) => `  ${sentence}\n`).join("");
}

function drainText({ place, by, reason, at }: Drain): string {
  return `${place} was drained by ${by} ${ageText(at)}${reason === undefined ? "" : ` (${reason})`}`;
}

/** How `pools drain` and `pools resume` are to be done. */
export interface DrainOptions {
  readonly reason?: string;
  readonly json?: true;
  /** Seconds; true = the usual time, absent = not at all. */
  readonly wait?: number | true;
}

/**
 * `waypost pools drain|resume`: takes an address out of service on every gateway, or back.
 * @returns the exit status: 2 when it is stored, but was not taken up everywhere in time
 * @throws WaypostError SETTING_INVALID for what is no address; NOT_DRAINED for one that is in service
 */
export async function changeDrain(
  session: Session,
  text: string,
  drained: boolean,
  options: DrainOptions,
): Promise<number> {
  const parsed = parseDrainedPlace(text);
  if (parsed === undefined) {
    const forms = "10.1.2.3, 10.1.2.3:5061 or tls:10.1.2.3:5061, as `waypost pools` shows it";
    throw new WaypostError("SETTING_INVALID", `"${text}" is no IP address: give one such as ${forms}`);
  }
  const place = drainPlace(parsed);
  return withTable(session, async ({ config, store }) => {
    if (drained && config.engine === "drachtio") {
      const why = "drachtio-server chooses among the addresses of a pool, and cannot be told to spare one";
      throw new WaypostError("ENGINE_UNABLE", `${place} cannot be drained here: ${why}`);
    }
    const present = (await store.drains()).find((drain) => drain.place === place);
    if (!drained && present === undefined) throw await notDrained(store, place);
    const { name: by, reason } = actor(session.env, options.reason);
    const at = new Date().toISOString();
    const drain = drained ? { place, by, ...(reason === undefined ? {} : { reason }), at } : undefined;
    await store.setDrain(place, drain);
    const what = drained ? "drained: new calls go elsewhere, those it has go on" : "in service again";
    if (options.json) session.io.out(jsonLine({ place, drained, by, reason, at }));
    else session.io.out(`${place} is ${what}\n`);
    if (options.wait === undefined) return 0;
    const behind = await waitForAll(store, place, drained, options.wait === true ? WAIT_SECONDS : options.wait);
    session.io.err(behind.length === 0 ? "every live gateway knows it\n" : `not yet known at ${behind.join(", ")}\n`);
    return behind.length === 0 ? 0 : 2;
  });
}

async function notDrained(store: EndpointStore, place: string): Promise<WaypostError> {
  const places = (await store.drains()).map((drain) => drain.place);
  const all = places.length === 0 ? "nothing is" : `drained are ${places.join(", ")}`;
  return new WaypostError("NOT_DRAINED", `${place} is not drained; ${all}`);
}

/** Gives the live gateways that have not taken it up when the time is over. */
async function waitForAll(store: EndpointStore, place: string, drained: boolean, seconds: number): Promise<string[]> {
  const deadline = performance.now() + seconds * 1000;
  for (;;) {
    const live = (await store.gateways()).filter((gateway) => gateway.live);
    const behind = live.filter(({ drained: places = [] }) => places.includes(place) !== drained);
    if (behind.length === 0 || performance.now() > deadline) return behind.map(({ name }) => name);
    await sleep(LOOK_MS);
  }
}
