import { BlockList, isIP } from "node:net";
import { familyOf } from "../sip/flow.ts";

/** A network as the configuration writes it. */
export interface Network {
  /** IP literal. */
  readonly address: string;
  readonly prefix: number;
}

/** Reads `192.0.2.1`, `10.1.0.0/16` or `2001:db8::/32`. @returns undefined for what is no network */
export function parseNetwork(text: string): Network | undefined {
  const slash = text.indexOf("/");
  const address = slash < 0 ? text : text.slice(0, slash);
  const version = isIP(address);
  if (version === 0 || address.includes("%")) return undefined;
  const most = version === 4 ? 32 : 128;
  if (slash < 0) return { address, prefix: most };
  const digits = text.slice(slash + 1);
  return /^\d{1,3}$/.test(digits) && Number(digits) <= most ? { address, prefix: Number(digits) } : undefined;
}

/** Tells whether an address lies in one of some networks. */
export class Networks {
  readonly #list = new BlockList();
  readonly #empty: boolean;

  constructor(networks: readonly Network[]) {
    this.#empty = networks.length === 0;
    for (const { address, prefix } of networks) this.#list.addSubnet(address, prefix, version(address));
  }

  /** @param address IP literal without brackets and zone */
  has(address: string): boolean {
    return !this.#empty && this.#list.check(address, version(address));
  }
}

function version(address: string): "ipv4" | "ipv6" {
  return familyOf(address) === 4 ? "ipv4" : "ipv6";
}
