import type { Capacity } from "../capacity.ts";
import type { Flow } from "../flow.ts";
import type { SipMessage } from "../message.ts";
import type { TimerValues } from "../timer-values.ts";
import type { Timers } from "../timers.ts";
import type { ClientTransaction, ClientTransactionTable, WayUpstream } from "./client.ts";
import { ClientTransactions } from "./client-transactions.ts";
import { ResponsePath } from "./environment.ts";
import { type KeptAnswer, KeptAnswers } from "./kept-answers.ts";
import { BranchHash, KeyHash } from "./key-hash.ts";
import { KeyTable } from "./key-table.ts";
import type { ServerTransaction, ServerTransactionUser } from "./server.ts";

/** The weight of what `Capacity` does not count. */
const NOT_COUNTED = -1;

/** All transactions of the core, by their keys (RFC 3261 §17.1.3, §17.2.3), and what is left of those that are answered. */
export class TransactionTable implements ClientTransactionTable, ServerTransactionUser {
  private readonly timers: Timers;
  private readonly capacity: Capacity;
  private readonly hashes: KeyHash;
  private readonly servers: KeyTable<ServerTransaction>;
  private readonly clients: ClientTransactions;
  /** Of requests that are answered: other than INVITE (Timer J), INVITE with 2xx (Timer L). */
  private readonly answered: KeptAnswers;
  /** Of requests other than INVITE that we sent and that are answered (Timer K). */
  private readonly absorbed: KeptAnswers;
  /** Of INVITEs that we sent and that are answered with 2xx (Timer M), each with the way upstream. */
  private readonly accepted: KeptAnswers;

  /**
   * @param capacity gets back the room of each counted transaction that has ended
   * @param seed so that nobody foresees where in the table a key stands
   */
  constructor(timers: Timers, values: TimerValues, capacity: Capacity, seed: number) {
    this.timers = timers;
    this.capacity = capacity;
    const hashes = new KeyHash(seed);
    this.hashes = hashes;
    this.servers = new KeyTable(hashes);
    this.answered = new KeptAnswers(64 * values.t1, hashes);
    const branches = new BranchHash(seed);
    this.clients = new ClientTransactions(branches);
    this.absorbed = new KeptAnswers(values.t4, branches);
    this.accepted = new KeptAnswers(64 * values.t1, branches);
  }

  get serverCount(): number {
    return this.servers.size + this.answered.size;
  }

  get clientCount(): number {
    return this.clients.size + this.absorbed.size + this.accepted.size;
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
    return Math.min(this.answered.nextDue, this.absorbed.nextDue, this.accepted.nextDue);
  }

  /** Forgets the answers that have been kept long enough. */
  expire(now: number): void {
    this.answered.expire(now, this.giveBack);
    this.absorbed.expire(now, this.giveBack);
    this.accepted.expire(now, NOTHING_TO_GIVE_BACK);
  }

  /** False where a request belongs to no transaction and repeats none: for most this is enough, and costs less than a key. */
  mayKnow(request: SipMessage): boolean {
    const hash = this.hashes.ofRequest(request);
    return this.servers.mayHave(hash) || this.answered.mayHave(hash);
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

  /** The answer to repeat to the request with this key; its text is "" where the request is only to be absorbed. */
  answer(key: string): KeptAnswer | undefined {
    return this.answered.get(key);
  }

  /** Whether an answer with this key has come already, and comes again. */
  absorbs(key: string): boolean {
    return this.absorbed.has(key);
  }

  /** Where a further 2xx goes to an INVITE of ours, under whose key one has come (RFC 6026 §7.2). */
  lateAnswers(key: string): WayUpstream | undefined {
    const kept = this.accepted.get(key);
    return kept && { path: new ResponsePath(kept.flow!, Number(kept.text)), cseq: kept.weight };
  }

  /** A flow broke; `reason` is for people. */
  flowClosed(flow: Flow, reason: string): void {
    for (const transaction of this.clients.on(flow)) transaction.transportFailed(reason);
  }

  /** @param request the one that it serves, whose `serverKey` its key is */
  addServer(transaction: ServerTransaction, request: SipMessage): void {
    this.servers.add(transaction, this.hashes.ofRequest(request));
  }

  addClient(transaction: ClientTransaction): void {
    this.clients.add(transaction);
  }

  absorbAnswers(transaction: ClientTransaction): boolean {
    const { key, hash } = transaction;
    const absorbed = this.absorbed.keep({ key, text: "", flow: undefined, weight: NOT_COUNTED }, this.timers.now, hash);
    if (absorbed) this.clients.delete(transaction);
    return absorbed;
  }

  passAnswersOn(transaction: ClientTransaction, { path, cseq }: WayUpstream): boolean {
    const entry = { key: transaction.key, text: String(path.port), flow: path.flow, weight: cseq };
    const kept = this.accepted.keep(entry, this.timers.now, transaction.hash);
    if (kept) this.clients.delete(transaction);
    return kept;
  }

  keepAnswer(transaction: ServerTransaction, text: string, { flow }: ResponsePath): boolean {
    const { key, hash, counted, requestBytes } = transaction;
    const weight = counted ? key.length + text.length : NOT_COUNTED;
    const kept = this.answered.keep({ key, text, flow, weight }, this.timers.now, hash);
    if (!kept) return false;
    if (counted) this.capacity.shrink(requestBytes, weight);
    this.servers.delete(transaction);
    return true;
  }

  clientTransactionEnded(transaction: ClientTransaction): void {
    this.clients.delete(transaction);
  }

  serverTransactionEnded(transaction: ServerTransaction): void {
    if (transaction.counted) this.capacity.giveBack(transaction.requestBytes);
    this.servers.delete(transaction);
  }

  private readonly giveBack = (weight: number): void => {
    if (weight !== NOT_COUNTED) this.capacity.giveBackKept(weight);
  };
}

const NOTHING_TO_GIVE_BACK = (): void => {};
