import type { EndpointStore, KnownGateway } from "../endpoints/store.ts";
import { WaypostError } from "../errors.ts";

/** How often the gateways are asked for, in milliseconds. */
const LOOK_MS = 200;
/** How long `--wait` waits when nothing is said, in seconds. */
export const WAIT_SECONDS = 30;

/**
 * Returns when every live gateway runs a revision, or a later one.
 * @returns a sentence about where it is in force, gateways that have gone silent included
 * @throws WaypostError NOT_IN_FORCE after that many seconds, with those that do not run it
 */
export async function waitForGateways(store: EndpointStore, revision: number, seconds: number): Promise<string> {
  const deadline = performance.now() + seconds * 1000;
  for (;;) {
    const gateways = await store.gateways();
    const live = gateways.filter((gateway) => gateway.live);
    const behind = live.filter((gateway) => gateway.revision < revision);
    if (live.length > 0 && behind.length === 0) return inForce(revision, gateways);
    if (performance.now() >= deadline) throw new WaypostError("NOT_IN_FORCE", notInForce(revision, seconds, gateways));
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

function inForce(revision: number, gateways: readonly KnownGateway[]): string {
  const running = gateways.filter(({ live }) => live).map(({ name }) => name);
  const gone = gateways.filter(({ live }) => !live);
  const silent =
    gone.length === 0 ? "" : `; not heard of: ${gone.map(({ name, at }) => `${name} since ${at}`).join(", ")}`;
  return `revision ${revision} is in force on ${running.join(", ")}${silent}`;
}

function notInForce(revision: number, seconds: number, gateways: readonly KnownGateway[]): string {
  const head = `revision ${revision} is stored, but after ${seconds} s not in force everywhere`;
  if (!gateways.some(({ live }) => live)) return `${head}: no gateway is running`;
  const behind = gateways.filter(({ live, revision: runs }) => live && runs < revision);
  const lines = behind.map(({ name, revision: runs, health }) => {
    const why =
      health.state === "ok" ? "" : `; its store is ${health.state}${health.reason ? `: ${health.reason}` : ""}`;
    return `${name} runs revision ${runs}${why}`;
  });
  return `${head}: ${lines.join("; ")}`;
}
