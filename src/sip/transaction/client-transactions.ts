import type { Flow } from "../flow.ts";
import type { ClientTransaction } from "./client.ts";
import type { Hashes } from "./key-hash.ts";
import { KeyTable } from "./key-table.ts";

/** The client transactions, found by their key and by the flow on which their request went out. */
export class ClientTransactions {
  private readonly byKey: KeyTable<ClientTransaction>;

  constructor(hashes: Hashes) {
    this.byKey = new KeyTable(hashes);
  }

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
    this.byKey.add(transaction);
    const { flow } = transaction;
    const last = flow.lastSent as ClientTransaction | undefined;
    transaction.sentBefore = last;
    if (last !== undefined) last.sentAfter = transaction;
    flow.lastSent = transaction;
  }

  delete(transaction: ClientTransaction): void {
    if (!this.byKey.delete(transaction)) return;
    const { flow, sentBefore, sentAfter } = transaction;
    if (sentBefore !== undefined) sentBefore.sentAfter = sentAfter;
    if (sentAfter !== undefined) sentAfter.sentBefore = sentBefore;
    else flow.lastSent = sentBefore;
    transaction.sentBefore = transaction.sentAfter = undefined;
  }

  /** Those on this flow in the order in which they were sent, as they stand now. */
  on(flow: Flow): readonly ClientTransaction[] {
    const all: ClientTransaction[] = [];
    let each = flow.lastSent as ClientTransaction | undefined;
    for (; each !== undefined; each = each.sentBefore) all.push(each);
    return all.reverse();
  }
}
