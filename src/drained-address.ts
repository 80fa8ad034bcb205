import { canonicalAddress, hostPort } from "./address.ts";

/** What an operator said of an address: new dialogs go elsewhere. Kept apart from what was observed of it. */
export interface Drain {
  /** As {@link drainPlace} spells it. */
  readonly place: string;
  /** Who said it. */
  readonly by: string;
  readonly reason?: string;
  /** ISO 8601, UTC. */
  readonly at: string;
}

/** The addresses that a drain is about; what is left out counts for every one. */
export interface DrainedPlace {
  readonly transport?: "udp" | "tcp" | "tls";
  /** Canonical IP literal. */
  readonly address: string;
  readonly port?: number;
}

/**
 * Reads an address with or without port and transport: `10.1.2.3`, `10.1.2.3:5061`, `tls:10.1.2.3:5061`,
 * `[2001:db8::1]:5061`. Undefined for anything else, a name too: a name may mean another server tomorrow.
 */
export function parseDrainedPlace(text: string): DrainedPlace | undefined {
  const [, transport, rest = ""] = /^(?:(udp|tcp|tls):)?(.*)$/.exec(text.trim().toLowerCase()) ?? [];
  const of = transport === undefined ? {} : { transport: transport as "udp" | "tcp" | "tls" };
  const alone = canonicalAddress(rest);
  if (alone !== undefined) return { ...of, address: alone };
  const colon = rest.lastIndexOf(":");
  const address = canonicalAddress(rest.slice(0, Math.max(0, colon)));
  const port = /^\d{1,5}$/.test(rest.slice(colon + 1)) ? Number(rest.slice(colon + 1)) : 0;
  if (address === undefined || port < 1 || port > 65535) return undefined;
  return { ...of, address, port };
}

/** The one spelling of a place. */
export function drainPlace({ transport, address, port }: DrainedPlace): string {
  return `${transport === undefined ? "" : `${transport}:`}${port === undefined ? address : hostPort(address, port)}`;
}
