/** Who serves the listeners of this host, as the supervisor last told. Plain data: it crosses between processes. */
export interface View {
  /** Grows with every view. */
  readonly version: number;
  /**
   * Who has the requests of which slot, oldest first: the Call-ID tells the slot. When others take over, a new
   * epoch is added, and the old one stays as long as transactions that were begun in it may live.
   */
  readonly epochs: readonly (readonly number[])[];
  /** The living processes by their numbers, and where each is reached: the path of a Unix socket. */
  readonly links: Readonly<Record<number, string>>;
}

/** Who reads the UDP sockets: the first living process of the last epoch that has one. */
export function readerOf({ epochs, links }: Pick<View, "epochs" | "links">): number | undefined {
  for (let i = epochs.length - 1; i >= 0; i--) {
    const reader = epochs[i]!.find((id) => id in links);
    if (reader !== undefined) return reader;
  }
  return undefined;
}

/**
 * Who may have the server transactions of a Call-ID: the oldest first; the last one takes what nobody has. As everybody
 * asks in this order, a transaction that was begun under an old view is found under a new one.
 * @param hash of the Call-ID; see `hashOf`
 */
export function chainOf(view: View, hash: number): readonly number[] {
  const owners = view.epochs.map((slots) => slots[hash % slots.length]!).filter((owner) => owner in view.links);
  // One that stood in for others earlier is asked where it stands last.
  return owners.filter((owner, i) => owners.lastIndexOf(owner) === i);
}

/**
 * By whom a response goes to `id`, whose request it answers: by those who are asked before it about a request with that
 * Call-ID. On a way of its own it could be overtaken by the request that came right behind it.
 * @param chain of the Call-ID
 * @param asked who has passed it on already
 */
export function responseVia(chain: readonly number[], id: number, self: number, asked: readonly number[]): number {
  const before = chain.slice(0, Math.max(0, chain.indexOf(id)));
  return before.find((other) => other !== self && !asked.includes(other)) ?? id;
}

/**
 * Whom to give a message that `self` does not have.
 * @param asked who does not have it either
 * @returns undefined when `self` is to take it; `settled` when the next one is to take it
 */
export function nextOf(
  chain: readonly number[],
  self: number,
  asked: readonly number[],
): { to: number; settled: boolean } | undefined {
  const taker = chain.at(-1);
  const to = chain.find((id) => id !== taker && id !== self && !asked.includes(id));
  if (to !== undefined) return { to, settled: false };
  return taker === undefined || taker === self ? undefined : { to: taker, settled: true };
}
