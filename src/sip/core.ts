import { Capacity } from "./capacity.ts";
import type { CoreLoad, CoreOptions } from "./core-options.ts";
import { Elsewhere } from "./elsewhere.ts";
import type { CoreEvent } from "./event.ts";
import type { Flow, Listener, Target } from "./flow.ts";
import { FlowRegistry } from "./flow-registry.ts";
import { Header } from "./header-names.ts";
import type { AddressOutcome, CoreHost, LocateResult } from "./host.ts";
import { KeyedHash } from "./keyed-hash.ts";
import { LookUps } from "./look-ups.ts";
import type { SipMessage } from "./message.ts";
import { type Arrival, markOf, type Neighbours, type Passed } from "./neighbours.ts";
import { Origination, type OwnRequest, type OwnResult } from "./originate.ts";
import { parseMessage } from "./parse.ts";
import { sendProbe } from "./probe.ts";
import type { LocatePurpose, NamesOnPath, ProxyEnvironment } from "./proxy/environment.ts";
import { forwardAck, routesOfAck } from "./proxy/forward-ack.ts";
import { forwardLateAnswer } from "./proxy/late-answers.ts";
import { BRANCH_PREFIX, isLoop } from "./proxy/loop.ts";
import { PathNames } from "./proxy/path-names.ts";
import type { ProxyJob } from "./proxy/proxy-job.ts";
import { asksForUs, checkRequest } from "./proxy/request-checks.ts";
import { ResponseContext } from "./proxy/response-context.ts";
import { preprocessRoutes, type RouteInformation } from "./proxy/routes.ts";
import { MAX_UDP_REQUEST_BYTES } from "./proxy/size-rule.ts";
import { buildReply } from "./reply.ts";
import { SelfIdentity } from "./self-identity.ts";
import { StatelessAnswers } from "./stateless-answers.ts";
import { DEFAULT_TIMER_VALUES, type TimerValues } from "./timer-values.ts";
import { Timers } from "./timers.ts";
import { ResponsePath } from "./transaction/environment.ts";
import { InviteServerTransaction } from "./transaction/invite-server.ts";
import { clientKey, serverKey } from "./transaction/key.ts";
import { NonInviteServerTransaction } from "./transaction/non-invite-server.ts";
import { TransactionTable } from "./transaction/table.ts";
import type { SipUri } from "./uri.ts";

/**
 * The SIP element: bytes and a clock reading in, effects out through CoreHost. It does no I/O, reads no clock and
 * draws no random number, so the same input gives the same output. Times are ms on the caller's clock.
 */
export class SipCore implements ProxyEnvironment {
  readonly timers = new Timers();
  readonly values: TimerValues;
  readonly transactions: TransactionTable;
  readonly identity: SelfIdentity;
  readonly maxUdpRequestBytes: number;
  private readonly host: CoreHost;
  private readonly hash: KeyedHash;
  private readonly flows: FlowRegistry;
  private readonly names: PathNames;
  private readonly lookUps: LookUps;
  private readonly answers = new StatelessAnswers(this);
  private readonly capacity: Capacity;
  private branchCounter = 0;
  private leaving = false;
  private readonly neighbours: Neighbours | undefined;
  private readonly elsewhere: Elsewhere | undefined;
  /** What is being received. */
  private arrival!: Arrival;

  constructor(host: CoreHost, options: CoreOptions) {
    this.host = host;
    this.lookUps = new LookUps(host);
    this.identity = new SelfIdentity(options.listeners);
    this.hash = new KeyedHash(options.key);
    this.neighbours = options.neighbours;
    this.flows = new FlowRegistry(this.hash.token("flows"), this.neighbours?.mark ?? "");
    this.names = new PathNames(this.flows, options.routeKeys ?? []);
    this.maxUdpRequestBytes = options.maxUdpRequestBytes ?? MAX_UDP_REQUEST_BYTES;
    this.capacity = new Capacity(options.limits);
    this.values = { ...DEFAULT_TIMER_VALUES, ...options.timers };
    this.transactions = new TransactionTable(this.timers, this.values, this.capacity, options.key[0]);
    if (this.neighbours !== undefined) {
      this.elsewhere = new Elsewhere(this.neighbours, this.transactions, this.identity, this.names);
    }
  }

  /**
   * One SIP message that arrived on `flow`; the bytes may be used again afterwards.
   * @param passed of a message that came by way of a neighbour
   */
  receive(bytes: Buffer, flow: Flow, now: number, passed?: Passed): void {
    this.timers.now = now;
    if (this.neighbours !== undefined) this.arrival = { bytes, flow, passed };
    const parsed = parseMessage(bytes);
    if (parsed.kind === "hopeless") this.drop(flow, parsed.reason);
    else if (parsed.kind === "broken") this.receiveBroken(parsed.message, flow, parsed.status, parsed.reason);
    else if (parsed.message.isRequest) this.receiveRequest(parsed.message, flow);
    else this.receiveResponse(parsed.message, flow);
  }

  /** The answer to a `locate` that was left open. */
  resolved(queryId: number, result: LocateResult, now: number): void {
    this.timers.now = now;
    this.lookUps.resolved(queryId, result);
  }

  /** A flow broke, or a datagram could not be sent on it. `reason` is for people. */
  flowClosed(flow: Flow, reason: string, now: number): void {
    this.timers.now = now;
    this.flows.forget(flow);
    this.transactions.flowClosed(flow, reason);
  }

  /** Puts other keys in force for the tokens in Record-Route URIs, in the order of `CoreOptions.routeKeys`. */
  setRouteKeys(keys: readonly (readonly [number, number])[]): void {
    this.names.setKeys(keys);
  }

  /** Fires what is due. */
  tick(now: number): void {
    this.timers.now = now;
    this.timers.fireDue();
    this.transactions.expire(now);
  }

  /** When `tick` has to be called next; Infinity when nothing waits. */
  get nextDue(): number {
    return Math.min(this.timers.nextDue, this.transactions.nextDue);
  }

  /** Whether a request with this key of a server transaction is being served, or was until a moment ago. */
  isServing(key: string): boolean {
    return this.transactions.isServing(key);
  }

  get load(): CoreLoad {
    return {
      serverTransactions: this.transactions.serverCount,
      clientTransactions: this.transactions.clientCount,
      timers: this.timers.size,
      queries: this.lookUps.size,
    };
  }

  /** Connections that have a name by which requests find back to them. */
  get namedConnections(): number {
    return this.flows.size;
  }

  /** How full the table of transactions is: 1 = new requests are refused. */
  get fill(): number {
    return this.capacity.fill;
  }

  /** Proxied requests that still wait for their final answer. */
  get unanswered(): number {
    return this.transactions.unanswered;
  }

  /**
   * What a stop has to wait for: requests without a final answer, those that we made ourselves (a CANCEL) included,
   * and failures that over UDP are repeated until their ACK comes. A proxied request counts once.
   */
  get underWay(): number {
    return this.transactions.underWay;
  }

  /** From now on what would open a dialog gets 503; all else goes on. */
  leave(): void {
    this.leaving = true;
  }

  send(flow: Flow, text: string): void {
    this.host.send(flow, text);
  }

  connect(target: Target, listener: Listener): Flow {
    return this.host.connect(target, listener);
  }

  hears(type: CoreEvent["type"]): boolean {
    return this.host.hears(type);
  }

  event(event: CoreEvent): void {
    this.host.event(event);
  }

  newBranch(hash: string): string {
    return `${BRANCH_PREFIX}${hash}.${(this.branchCounter++).toString(36)}${this.neighbours?.mark ?? ""}`;
  }

  namesOnPath(request: SipMessage, inbound: Flow, outbound: Flow | undefined): NamesOnPath {
    return this.names.issue(request, inbound, outbound);
  }

  inOrder(targets: readonly Target[]): readonly Target[] {
    return this.host.inOrder(targets);
  }

  reached(target: Target, outcome: AddressOutcome, startedAt: number): void {
    this.host.reached(target, outcome, startedAt);
  }

  /**
   * Sends an OPTIONS to exactly this address, to see whether somebody works there (§11), and calls `done` with the
   * first thing that happens. The result gives it up.
   */
  probe(target: Target, listener: Listener, now: number, done: (outcome: AddressOutcome) => void): () => void {
    this.timers.now = now;
    return sendProbe(this, this.newBranch(this.hash.token(`probe ${this.branchCounter}`)), target, listener, done);
  }

  /**
   * Sends a request of our own, such as a REGISTER, to the first address that works; `done` hears once what became of
   * it. The result gives it up.
   */
  originate(request: OwnRequest, now: number, done: (result: OwnResult) => void): () => void {
    this.timers.now = now;
    const newBranch = (): string => this.newBranch(this.hash.token(`own ${this.branchCounter}`));
    const origination = new Origination(this, request, newBranch, done);
    origination.start();
    return () => origination.giveUp();
  }

  locate(uri: SipUri, purpose: LocatePurpose, done: (result: LocateResult) => void): () => void {
    return this.lookUps.locate(uri, purpose, done);
  }

  private receiveBroken(request: SipMessage, flow: Flow, status: number, reason: string): void {
    // An ACK is never answered (§17.1.1.3), and without any Via there is no way back.
    if (request.method === "ACK" || request.find(Header.Via) < 0) this.drop(flow, reason);
    else this.answers.refuseBroken(request, flow, this.hash.token(request.head), status, reason);
  }

  private receiveResponse(response: SipMessage, flow: Flow): void {
    const branch = response.topVia!.branch;
    const transaction =
      branch === undefined ? undefined : this.transactions.client(clientKey(branch, response.cseq!.method));
    // RFC 6026 §8: a response that no transaction waits for is not forwarded.
    if (transaction === undefined || transaction.method !== response.cseq!.method) {
      if (branch !== undefined && this.isLate(response, branch)) return;
      if (branch !== undefined && this.neighbours?.passTo(markOf(branch), this.arrival)) return;
      this.drop(flow, "a response that no transaction waits for");
    } else transaction.received(response);
  }

  /** A response to a request of ours that is answered already: further 2xx to an INVITE travel on. */
  private isLate(response: SipMessage, branch: string): boolean {
    const { method } = response.cseq!;
    const way = method === "INVITE" ? this.transactions.lateAnswers(branch) : undefined;
    if (way !== undefined) forwardLateAnswer(response, way, this);
    return way !== undefined || this.transactions.absorbs(clientKey(branch, method));
  }

  private receiveRequest(request: SipMessage, flow: Flow): void {
    if (this.transactions.mayKnow(request) && this.receiveKnown(request, flow)) return;
    if (this.elsewhere?.takes(request, flow, this.arrival)) return;
    if (request.method === "ACK") this.receiveAck(request, flow);
    else if (request.method === "CANCEL") this.receiveCancel(request, flow);
    else this.receiveNewRequest(request, flow);
  }

  /** A request that a transaction takes, or that repeats one which is answered. @returns false when it is none */
  private receiveKnown(request: SipMessage, flow: Flow): boolean {
    const key = serverKey(request);
    const known = this.transactions.server(key);
    if (request.method === "ACK") {
      if (known !== undefined && !(known as InviteServerTransaction).acknowledged()) this.receiveAck(request, flow);
      return known !== undefined;
    }
    if (known !== undefined) known.retransmitted();
    const answer = known === undefined ? this.transactions.answer(key) : undefined;
    if (answer !== undefined && answer.text !== "") this.send(answer.flow!, answer.text);
    return known !== undefined || answer !== undefined;
  }

  private receiveNewRequest(request: SipMessage, flow: Flow): void {
    const hash = this.hash.tokenOfPath(request);
    const refusal = checkRequest(request);
    if (refusal !== undefined) {
      this.answers.refuse(request, flow, hash, refusal.status, refusal.explanation, refusal.headers);
      return;
    }
    if (isLoop(request, hash, this.identity)) {
      this.answers.refuse(request, flow, hash, 482, "the request came back to this gateway unchanged");
      return;
    }
    if (this.leaving && asksForUs(request)) {
      this.answers.refuseLeaving(request, flow, hash);
      return;
    }
    const routes = preprocessRoutes(request, this.identity);
    if (routes === undefined) {
      this.answers.refuse(request, flow, hash, 400, "a Route header is malformed");
      return;
    }
    if (routes.throughUs) {
      const inDialog = request.to!.tag !== undefined;
      const way = this.names.read(routes, inDialog ? request.callId : "");
      if (way?.elsewhere !== undefined && this.neighbours?.passTo(way.elsewhere, this.arrival)) return;
      const toUs = routes.routes.length === 0 && routes.uri !== undefined && this.identity.isSelf(routes.uri);
      if (way !== undefined && !toUs && (inDialog || way.flow !== undefined)) {
        const job = {
          request,
          inbound: flow,
          routes,
          loopHash: hash,
          toTag: hash,
          decision: undefined,
          flow: way.flow,
        };
        this.proxy(job);
        return;
      }
      if (way?.flowGone && !inDialog) {
        // RFC 5626 §5.3.1: whoever keeps the bindings tries another one, and forgets this one.
        this.answers.refuse(request, flow, hash, 430, "the connection of the client is gone");
        return;
      }
      if (inDialog) {
        // DEVIATION: 481 in place of 403 for a wrong token too: a legacy client then looks up its contact again.
        this.answers.refuse(request, flow, hash, 481, "the Route names no dialog that was set up through this gateway");
        return;
      }
    }
    this.route(request, flow, routes, hash);
  }

  /** A request outside of our dialogs: the table decides. */
  private route(request: SipMessage, flow: Flow, routes: RouteInformation, hash: string): void {
    const { uri } = routes;
    if (uri !== undefined && uri.user === undefined && request.method === "OPTIONS" && this.identity.isSelf(uri)) {
      this.answers.options(request, flow, hash);
      return;
    }
    const decision = this.host.decide(
      {
        method: request.method,
        requestUri: routes.requestUri,
        transport: flow.transport,
        sourceAddress: flow.remoteAddress,
      },
      flow,
    );
    if (decision.kind === "redirect") this.answers.redirect(request, flow, hash, decision);
    else if (decision.kind === "reject") {
      // In a dialog that we know nothing of, 481 makes a legacy client look up the contact again.
      const stray = request.to!.tag !== undefined && decision.endpoint === undefined;
      if (stray) this.answers.refuse(request, flow, hash, 481, "the request belongs to no dialog of this gateway");
      else this.answers.reject(request, flow, hash, decision);
    } else if (routes.routes.length > 0 && decision.endpoint !== undefined) {
      // A preloaded Route would let a stranger choose where we send (§26.2.1 speaks of such open relays).
      const status = request.to!.tag === undefined ? 403 : 481;
      this.answers.refuse(
        request,
        flow,
        hash,
        status,
        "a Route beyond this gateway is not followed outside of its dialogs",
      );
    } else this.proxy({ request, inbound: flow, routes, loopHash: hash, toTag: hash, decision, flow: undefined });
  }

  private proxy(job: ProxyJob): void {
    const { request, inbound } = job;
    const lack = this.capacity.take(request, request.to!.tag !== undefined, this.timers.now);
    if (lack !== undefined) {
      this.answers.refuseForLack(request, inbound, job.loopHash, lack);
      return;
    }
    const path = ResponsePath.of(request.topVia!, inbound, this);
    const Machine = request.method === "INVITE" ? InviteServerTransaction : NonInviteServerTransaction;
    const transaction = new Machine(this, serverKey(request), request, path, inbound.transport, this.transactions);
    const context = new ResponseContext(this, job, transaction);
    transaction.context = context;
    transaction.counted = true;
    this.transactions.addServer(transaction, request);
    context.start();
  }

  /** §9.2 and §16.10. */
  private receiveCancel(request: SipMessage, flow: Flow): void {
    const hash = this.hash.tokenOfPath(request);
    const inviteKey = serverKey(request, "INVITE");
    // DEVIATION: §16.10 would forward it statelessly; the branch that it would need downstream is gone with the transaction.
    if (!this.transactions.isServing(inviteKey)) {
      this.answers.refuse(request, flow, hash, 481, "there is no INVITE to cancel");
      return;
    }
    const path = ResponsePath.of(request.topVia!, flow, this);
    const key = serverKey(request);
    const transaction = new NonInviteServerTransaction(this, key, request, path, flow.transport, this.transactions);
    this.transactions.addServer(transaction, request);
    transaction.respond(200, buildReply(request, flow, 200, { toTag: hash }));
    this.transactions.server(inviteKey)?.context?.cancel(request.value(Header.Reason));
  }

  private receiveAck(request: SipMessage, flow: Flow): void {
    const routes = routesOfAck(request, this.identity);
    if (routes === undefined) return;
    const way = this.names.read(routes, request.callId);
    if (way === undefined) return;
    if (way.elsewhere !== undefined && this.neighbours?.passTo(way.elsewhere, this.arrival)) return;
    const hash = this.hash.tokenOfPath(request);
    if (!isLoop(request, hash, this.identity)) forwardAck(request, flow, routes, hash, way.flow, this);
  }

  private drop(source: Flow, reason: string): void {
    if (this.host.hears("dropped")) this.host.event({ type: "dropped", reason, source });
  }
}
