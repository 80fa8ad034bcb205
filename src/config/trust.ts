import { z } from "zod";
import { hostNameFault } from "../endpoints/host.ts";
import { parseNetwork } from "../guard/networks.ts";
import type { TrustRule } from "../guard/trust.ts";
import type { Finding } from "../schema-findings.ts";

const PEERS = 'must be a list of networks and certificate names such as ["10.1.0.0/16", "fe01.contoso.com"]';

/** The keys of a listener that say whom it serves. */
export const trustKeys = {
  trusted: z.array(z.string(PEERS), PEERS).min(1, `${PEERS}; without the key everybody is trusted`).optional(),
  untrusted: z.enum(["refuse", "endpoints"]).optional(),
};

interface TrustKeys {
  readonly transport: string;
  readonly clientCert?: "none" | "request" | "require" | undefined;
  readonly trusted?: readonly string[] | undefined;
  readonly untrusted?: "refuse" | "endpoints" | undefined;
}

/** What is wrong with whom a listener trusts that no single key can tell, and entries that are neither network nor name. */
export function trustFindings(listen: readonly TrustKeys[]): Finding[] {
  return listen.flatMap(({ trusted, untrusted, clientCert = "none" }, index) => {
    const found: Finding[] = [];
    if (untrusted !== undefined && trusted === undefined) {
      const text = "untrusted has no effect without trusted: everybody is trusted then";
      found.push({ path: ["listen", index, "untrusted"], text, atKey: true });
    }
    trusted?.forEach((entry, at) => {
      const path = ["listen", index, "trusted", at];
      if (parseNetwork(entry) !== undefined) return;
      const name = entry.startsWith("*.") ? entry.slice(2) : entry;
      const fault = entry.includes("/") ? "is no network such as 10.1.0.0/16 or 2001:db8::/32" : hostNameFault(name);
      if (fault !== undefined) found.push({ path, text: `"${entry}" ${fault}`, atKey: false });
      else if (clientCert === "none") {
        const text = `"${entry}" is a name, and peers prove names only where clientCert is request or require`;
        found.push({ path, text, atKey: false });
      }
    });
    return found;
  });
}

/** A listener's rule; undefined where everybody is trusted. */
export function trustRule({ trusted, untrusted = "refuse" }: TrustKeys): TrustRule | undefined {
  if (trusted === undefined) return undefined;
  const networks = trusted.flatMap((entry) => parseNetwork(entry) ?? []);
  const names = trusted.filter((entry) => parseNetwork(entry) === undefined).map((name) => name.toLowerCase());
  return { networks, names, others: untrusted };
}
