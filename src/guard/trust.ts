import type { Trust } from "../sip/decision.ts";
import type { Flow, Listener } from "../sip/flow.ts";
import { type Network, Networks } from "./networks.ts";

/** Who is trusted on a listener, and what the others may do there. */
export interface TrustRule {
  readonly networks: readonly Network[];
  /** Names that a peer has to prove with its certificate, in lower case; `*.contoso.com` is any name one label longer. */
  readonly names: readonly string[];
  readonly others: "refuse" | "endpoints";
}

/** What peers are trusted to do, by the listener that they came in on. Where a listener has no rule, everybody is trusted. */
export class TrustRules {
  readonly #rules: ReadonlyMap<Listener, { readonly rule: TrustRule; readonly networks: Networks }>;
  /** Addresses that any rule trusts. */
  readonly #anywhere: Networks;

  constructor(rules: Iterable<readonly [Listener, TrustRule]>) {
    const all = [...rules];
    this.#rules = new Map(
      all.map(([listener, rule]) => [listener, { rule, networks: new Networks(rule.networks) }] as const),
    );
    this.#anywhere = new Networks(all.flatMap(([, { networks }]) => networks));
  }

  of(flow: Flow): Trust {
    const entry = this.#rules.get(flow.listener);
    if (entry === undefined || entry.networks.has(flow.remoteAddress) || this.proves(flow)) return "full";
    return entry.rule.others === "endpoints" ? "endpoints" : "none";
  }

  /** True for a peer whose certificate has a name that its listener trusts. */
  proves({ listener, peerNames }: Flow): boolean {
    const wanted = this.#rules.get(listener)?.rule.names ?? [];
    return peerNames?.some((name) => wanted.some((each) => matches(each, name))) === true;
  }

  /** True for an address that some listener trusts as such. */
  trusts(address: string): boolean {
    return this.#anywhere.has(address);
  }
}

function matches(wanted: string, name: string): boolean {
  if (!wanted.startsWith("*.")) return wanted === name;
  const dot = name.indexOf(".");
  return dot > 0 && name.slice(dot) === wanted.slice(1);
}
