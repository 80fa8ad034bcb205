import type { Capacity } from "../capacity.ts";
import type { Flow } from "../flow.ts";
import type { TimerValues } from "../timer-values.ts";
import type { Timers } from "../timers.ts";
import type { ClientTransaction, ClientTransactionTable } from "./client.ts";
import { ClientTransactions } from "./client-transactions.ts";
import type { ResponsePath } from "./environment.ts";
import { KeptAnswers } from "./kept-answers.ts";
import type { ServerTransaction, ServerTransactionUser } from "./server.ts";

/** The weight of what `Capacity` does not count. */
const NOT_COUNTED = -1;

/** All transactions of the core, by their keys (RFC 3261 §17.1.3, §17.2.3), and what is left of those that are answered. */
export class TransactionTable implements ClientTransactionTable, ServerTransactionUser {
  private readonly timers: Timers;
  private readonly capacity: Capacity;
  private readonly servers = new Map<string, ServerTransaction>();
  private readonly clients = new ClientTransactions();
  /** Of requests other than INVITE that are answered (Timer J), and of answers that came to ours (Timer K). */
  private readonly answered: KeptAnswers;
  private readonly absorbed: KeptAnswers;

  /**
   * @param capacity gets back the room of each counted transaction that has ended
   * @param seed so that nobody foresees where in the table a key stands
   */
  constructor(timers: Timers, values: TimerValues, capacity: Capacity, seed: number) {
    this.timers = timers;
    this.capacity = capacity;
    this.answered = new KeptAnswers(64 * values.t1, seed);
    this.absorbed = new KeptAnswers(values.t4, seed);
  }

  get serverCount(): number {
    return this.servers.size + this.answered.size;
  }

  get clientCount(): number {
    return this.clients.size + this.absorbed.size;
  }

  get mayBranch(): boolean {
    return this.clientCount < 2 * this.capacity.limits.transactions;
  }

  /** Proxied requests that still wait for their final answer. */
  get unanswered(): number {
    let count = 0;
    for (const { context } of this.servers.values()) if (context?.finished === false) count++;
    return count;
  }

  /** See SipCore. */
  get underWay(): number {
    let [ours, repeating] = [0, 0];
    for (const transaction of this.clients.values()) if (transaction.pending) ours++;
    for (const transaction of this.servers.values()) if (transaction.repeating) repeating++;
    return Math.max(ours, this.unanswered) + repeating;
  }

  /** When `expire` has something to do; Infinity when nothing is kept. */
  get nextDue(): number {
    return Math.min(this.answered.nextDue, this.absorbed.nextDue);
  }

  /** Forgets the answers that have been kept long enough. */
  expire(now: number): void {
    this.answered.expire(now, this.giveBack);
    this.absorbed.expire(now, this.giveBack);
  }

  server(key: string): ServerTransaction | undefined {
    return this.servers.get(key);
  }

  client(key: string): ClientTransaction | undefined {
    return this.clients.get(key);
  }

  /** Whether a request with this key is being served, or was until a moment ago. */
  isServing(key: string): boolean {
    return this.servers.has(key) || this.answered.has(key);
  }

  /** Sends a kept answer to the request with this key once more. @returns false when there is none */
  repeat(key: string, send: (flow: Flow, text: string) => void): boolean {
    return this.answered.repeat(key, send);
  }

  /** Whether an answer with this key has come already, and comes again. */
  absorbs(key: string): boolean {
    return this.absorbed.has(key);
  }

  /** A flow broke; `reason` is for people. */
  flowClosed(flow: Flow, reason: string): void {
    for (const transaction of this.clients.on(flow)) transaction.transportFailed(reason);
  }

  addServer(transaction: ServerTransaction): void {
    this.servers.set(transaction.key, transaction);
  }

  addClient(transaction: ClientTransaction): void {
    this.clients.add(transaction);
  }

  absorbAnswers(transaction: ClientTransaction): boolean {
    const { key, flow } = transaction;
    const absorbed = this.absorbed.keep({ key, text: "", flow, weight: NOT_COUNTED }, this.timers.now);
    if (absorbed) this.clients.delete(transaction);
    return absorbed;
  }

  keepAnswer({ key, counted, requestBytes }: ServerTransaction, text: string, { flow }: ResponsePath): boolean {
    const weight = counted ? requestBytes : NOT_COUNTED;
    const kept = this.answered.keep({ key, text, flow, weight }, this.timers.now);
    if (kept) this.servers.delete(key);
    return kept;
  }

  clientTransactionEnded(transaction: ClientTransaction): void {
    this.clients.delete(transaction);
  }

  serverTransactionEnded(transaction: ServerTransaction): void {
    if (transaction.counted) this.capacity.giveBack(transaction.requestBytes);
    this.servers.delete(transaction.key);
  }

  private readonly giveBack = (weight: number): void => {
    if (weight !== NOT_COUNTED) this.capacity.giveBack(weight);
  };
}
