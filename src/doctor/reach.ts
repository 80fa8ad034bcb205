import type { Locator } from "../locate/locator.ts";
import type { LocateResult, WayOut } from "../locate/select.ts";
import { familyOf, type Target } from "../sip/flow.ts";
import type { SipMessage } from "../sip/message.ts";
import type { TlsDialler } from "../transport/tls/dialler.ts";
import { askOptions } from "./exchange.ts";
import { type Link, LinkError, openStream, openUdp, secureStream, streamLink } from "./link.ts";
import { isFromWaypost } from "./request.ts";

/** A pool as a row of the table names it. */
export interface PoolPlace {
  readonly host: string;
  readonly port: number | undefined;
  readonly transport: "auto" | "tls" | "tcp" | "udp";
}

/** How to get to places. */
export interface Reach {
  readonly locator: Locator;
  /** What the gateway can send with. */
  readonly waysOut: readonly WayOut[];
  readonly dialler: TlsDialler;
  /** For each step of the way: a connection, a handshake, an answer. Milliseconds. */
  readonly withinMs: number;
}

/** Finds a pool's addresses as the gateway does, those left out that it has no listener to send to. */
export async function locatePool(
  { host, port, transport }: PoolPlace,
  { locator, waysOut }: Pick<Reach, "locator" | "waysOut">,
): Promise<LocateResult> {
  const query = { host, secure: false, port, transport: transport === "auto" ? undefined : transport };
  const located = await new Promise<LocateResult>((resolve) => {
    const known = locator.locate(query, resolve);
    if (known !== undefined) resolve(known);
  });
  if (!located.ok) return located;
  const targets = located.targets.filter((target) => {
    return waysOut.some((way) => way.transport === target.transport && way.family === familyOf(target.address));
  });
  if (targets.length > 0) return { ok: true, targets };
  const { transport: wanted, address } = located.targets[0]!;
  return { ok: false, reason: `no ${wanted} listener reaches ${host} at ${address}` };
}

/** Opens a link to one address. @throws LinkError */
export async function openLink(target: Target, { dialler, withinMs }: Reach): Promise<Link> {
  if (target.transport === "udp") return openUdp(target);
  const socket = await openStream(target, withinMs);
  return streamLink(
    target.transport === "tls" ? await secureStream(socket, target, dialler, withinMs) : socket,
    target,
  );
}

/** What a quick look at a pool finds. */
export type Finding =
  | { readonly kind: "answers"; readonly target: Target; readonly response: SipMessage }
  /** Another Waypost, or this one, answers where a pool should. */
  | { readonly kind: "gateway"; readonly target: Target }
  /** `reason` is a sentence without full stop. */
  | { readonly kind: "silent"; readonly reason: string };

/** Looks whether anybody answers for a pool: all its addresses at once, and the first answer settles it. */
export async function probePool(place: PoolPlace, reach: Reach): Promise<Finding> {
  const located = await within(locatePool(place, reach), reach.withinMs);
  if (located === undefined) return { kind: "silent", reason: `${place.host} could not be resolved in time` };
  if (!located.ok) return { kind: "silent", reason: located.reason };
  try {
    return await Promise.any(
      located.targets.map(async (target): Promise<Finding> => {
        const link = await openLink(target, reach);
        try {
          const response = await askOptions(
            link,
            place.host.includes(":") ? `[${place.host}]` : place.host,
            reach.withinMs,
          );
          return isFromWaypost(response) ? { kind: "gateway", target } : { kind: "answers", target, response };
        } finally {
          link.close();
        }
      }),
    );
  } catch (error) {
    const reasons = (error as AggregateError).errors.map((one: unknown) => {
      if (one instanceof LinkError) return one.message;
      throw one;
    });
    return { kind: "silent", reason: reasons.join("; ") };
  }
}

async function within<T>(work: Promise<T>, ms: number): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => (timer = setTimeout(() => resolve(undefined), ms)));
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
