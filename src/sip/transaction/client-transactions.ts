import type { Flow } from "../flow.ts";
import type { ClientTransaction } from "./client.ts";

/** The client transactions, found by their key and by the flow on which their request went out. */
export class ClientTransactions {
  private readonly byKey = new Map<string, ClientTransaction>();
  /** Most datagrams have a flow of their own, so one alone stands here without a set around it. */
  private readonly byFlow = new Map<Flow, ClientTransaction | Set<ClientTransaction>>();

  get size(): number {
    return this.byKey.size;
  }

  get(key: string): ClientTransaction | undefined {
    return this.byKey.get(key);
  }

  values(): Iterable<ClientTransaction> {
    return this.byKey.values();
  }

  add(transaction: ClientTransaction): void {
    const { key, flow } = transaction;
    this.byKey.set(key, transaction);
    const others = this.byFlow.get(flow);
    if (others === undefined) this.byFlow.set(flow, transaction);
    else if (others instanceof Set) others.add(transaction);
    else this.byFlow.set(flow, new Set([others, transaction]));
  }

  delete(transaction: ClientTransaction): void {
    const { key, flow } = transaction;
    if (!this.byKey.delete(key)) return;
    const all = this.byFlow.get(flow);
    if (all instanceof Set) {
      all.delete(transaction);
      if (all.size > 0) return;
    }
    this.byFlow.delete(flow);
  }

  /** Those on this flow, as they stand now. */
  on(flow: Flow): readonly ClientTransaction[] {
    const all = this.byFlow.get(flow);
    return all === undefined ? [] : all instanceof Set ? [...all] : [all];
  }
}
