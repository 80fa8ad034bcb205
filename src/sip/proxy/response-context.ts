import type { RequestFinished } from "../event.ts";
import type { Target } from "../flow.ts";
import { Header } from "../header-names.ts";
import type { SipMessage } from "../message.ts";
import { buildReply, explanationHeaders } from "../reply.ts";
import type { Timer } from "../timers.ts";
import type { ServerTransaction } from "../transaction/server.ts";
import { parseUri } from "../uri.ts";
import { Branch, type BranchFailure, type BranchOwner } from "./branch.ts";
import type { ProxyEnvironment } from "./environment.ts";
import { forwardRequest } from "./forward-request.ts";
import { forwardResponse, strandedBy } from "./forward-response.ts";
import { type ProxyJob, targetsOf } from "./proxy-job.ts";
import { type NextHop, nextHopOf } from "./routes.ts";
import { leavesOverUdpOnly, overTcp } from "./size-rule.ts";
import type { Candidate, TargetSet, TargetSetUser } from "./target-set.ts";

/** A failure kept until it is known whether another target answers better. */
interface Outcome {
  readonly status: number;
  readonly response: SipMessage | undefined;
  readonly target: Target | undefined;
  readonly explanation: string;
}

/**
 * The response context of RFC 3261 §16: one server transaction, the target set, and the branches tried so far.
 * Targets are tried in order (§16.6: serial forking); one that stays silent keeps its branch while the next is tried.
 */
export class ResponseContext implements BranchOwner, TargetSetUser {
  /** True once the final answer is given, or it is settled that there will be none. */
  finished = false;
  /** True once a final answer went out; stays false where RFC 4320 forbids one. */
  private answered = false;
  private readonly environment: ProxyEnvironment;
  /** Undefined once the final answer is out: what is left for late 2xx answers shall be small. */
  private openJob: ProxyJob | undefined;
  private readonly server: ServerTransaction;
  private readonly startedAt: number;
  private branches: readonly Branch[] = NO_BRANCHES;
  private readonly outcomes: Outcome[] = [];
  private readonly targets: TargetSet;
  private lastTarget: Target | undefined;
  private trying: Timer | undefined;
  private cancelled = false;
  /** Somebody answered 6xx, and nobody else is asked. */
  private declined = false;
  /** The number in the CSeq of the request. */
  private readonly cseq: number;
  /** The From of the request, until the final answer is out: to ask for it then would be to read the request once more. */
  private from: string;
  /** Where the route set leads, or the Request-URI without one. */
  private readonly followed: NextHop | undefined;

  constructor(environment: ProxyEnvironment, job: ProxyJob, server: ServerTransaction) {
    this.environment = environment;
    this.openJob = job;
    this.cseq = job.request.cseq!.number;
    this.from = job.request.value(Header.From) ?? "";
    this.server = server;
    this.startedAt = environment.timers.now;
    this.followed = nextHopOf(job.routes);
    this.targets = targetsOf(environment, job, this.followed);
  }

  private get job(): ProxyJob {
    return this.openJob!;
  }

  /** Answers 100 where that is due and starts on the target set. */
  start(): void {
    const { environment, job } = this;
    if (job.request.method === "INVITE") this.sendTrying();
    // RFC 4320 §4.1: no 100 to a non-INVITE before its Timer E has grown to T2, and one at that time.
    else this.trying = environment.timers.start(environment.values.t2 - environment.values.t1, this, "trying");
    this.advance();
  }

  /** The caller's CANCEL (§16.10). */
  cancel(reason: string | undefined): void {
    if (this.finished || this.cancelled) return;
    this.cancelled = true;
    this.targets.clear();
    for (const branch of this.branches) branch.cancel(reason);
    this.concludeIfIdle();
  }

  timerFired(_kind: "trying"): void {
    this.sendTrying();
  }

  provisionalReceived(branch: Branch, response: SipMessage): void {
    if (this.finished) return;
    if (branch.superseded) {
      if (this.branches.some((other) => other.active && !other.superseded)) {
        branch.cancel();
        return;
      }
      // Nobody else is being tried, a name at most is looked up: the one that was given up too early is the one after all.
      this.targets.stopLookUp();
      branch.superseded = false;
    }
    // §16.7 step 5, and RFC 4320 §4.1 for every method but INVITE.
    if (response.status === 100 || this.job.request.method !== "INVITE") return;
    if (strandedBy(response, this.cseq) !== undefined) return;
    const text = forwardResponse(response);
    if (text !== undefined) this.server.respond(response.status, text);
  }

  finalReceived(branch: Branch, response: SipMessage): void {
    const { status } = response;
    const stranded = strandedBy(response, this.cseq);
    if (stranded !== undefined) {
      this.strandedResponse(branch, `${branch.target.host} answered ${status} ${stranded}`);
      return;
    }
    if (status < 300) {
      const passedOn = this.conclude(branch.target, status, forwardResponse(response), undefined);
      for (const other of this.branches) if (other !== branch) other.cancel();
      branch.handOver(passedOn ? { path: this.server.path, cseq: this.cseq } : undefined);
      return;
    }
    if (this.finished) return;
    if (status >= 600) {
      // §16.7 step 5: a 6xx speaks for everybody, but whoever rings may have accepted already.
      this.declined = true;
      this.targets.clear();
      for (const other of this.branches) other.cancel();
    }
    if (branch.superseded || this.declined) {
      const { target } = branch;
      this.outcomes.push({ status, response, target, explanation: `${target.host} answered ${status}, late` });
      this.concludeIfIdle();
    } else if (status === 503 || this.job.decision?.failoverOn?.includes(status)) {
      const { target } = branch;
      this.outcomes.push({ status, response, target, explanation: `${target.host} answered ${status}` });
      this.reportFailure(target, `answered ${status}`);
      this.advance();
    } else this.answerWith(branch.target, response);
  }

  /** A final response that would be none to the caller is a failure of who sent it: the caller must not wait for ever. */
  private strandedResponse(branch: Branch, reason: string): void {
    // A 2xx comes again and again until its ACK, which nobody sends; and it may come after its connection broke.
    if (this.finished || branch.failed) return;
    branch.failed = true;
    this.outcomes.push(unreachable(reason));
    if (branch.superseded) this.concludeIfIdle();
    else {
      this.reportFailure(branch.target, reason);
      this.advance();
    }
  }

  branchFailed(branch: Branch, failure: BranchFailure, reason: string): void {
    if (this.finished) return;
    branch.failed = true;
    const status = failure === "timeout" ? 408 : 503;
    this.outcomes.push({ status, response: undefined, target: branch.target, explanation: reason });
    if (branch.superseded) this.concludeIfIdle();
    // §18.1.1: who takes no TCP gets it over UDP all the same.
    else if (failure === "transport" && branch.orElse !== undefined && !branch.provisional && !this.cancelled) {
      this.reportFailure(branch.target, reason);
      this.startBranch({ target: branch.orElse, udpOnly: true });
    } else {
      this.reportFailure(branch.target, reason);
      this.advance();
    }
  }

  rangTooLong(): void {
    this.targets.clear();
  }

  firstResponseOverdue(branch: Branch): void {
    if (this.finished) return;
    const reason = `no answer from ${branch.target.host} (${branch.target.address}) in time`;
    this.reportFailure(branch.target, reason);
    if (this.job.decision === undefined) {
      branch.terminate();
      this.outcomes.push(unreachable(reason));
    } else branch.superseded = true;
    this.advance();
  }

  /** Turns to the next target; without one, to the conclusion. */
  private advance(): void {
    this.targets.next(this);
  }

  turnTo(candidate: Candidate | undefined): void {
    if (candidate === undefined) this.concludeIfIdle();
    else if (!this.environment.transactions.mayBranch) {
      this.targets.clear();
      this.outcomes.push(unreachable("the gateway has as many transactions as it may"));
      this.concludeIfIdle();
    } else this.startBranch(candidate);
  }

  unlocated(why: string): void {
    this.outcomes.push(unreachable(why));
  }

  private startBranch(candidate: Candidate, orElse?: Target): void {
    const { target, flow, udpOnly = false } = candidate;
    const { environment, job } = this;
    const { request, inbound, routes } = job;
    const { identity, values } = environment;
    this.lastTarget = target;
    const { followed } = this;
    const requestUri = job.decision?.requestUri ?? followed?.requestUri ?? routes.requestUri;
    const hop = {
      uri: followed?.uri ?? parseUri(requestUri)!,
      requestUri,
      routes: followed?.routes ?? [],
      rewritten: followed?.rewritten ?? false,
    };
    const listener = flow?.listener ?? identity.listenerFor(target, inbound, routes.outbound);
    const branchId = environment.newBranch(job.loopHash);
    const via = identity.viaValue(listener, target.transport, branchId);
    const text = forwardRequest(
      request,
      {
        inbound,
        listener,
        via,
        routes,
        hop,
        names: environment.namesOnPath(request, inbound, flow),
        udpOnly: udpOnly && job.decision !== undefined && target.transport === "udp",
      },
      identity,
    );
    if (text.length > environment.maxUdpRequestBytes && this.goesOverTcp(candidate)) {
      this.startBranch({ target: overTcp(target) }, target);
      return;
    }
    const branch = new Branch(environment, this, target, branchId, { request, via, hop }, flow !== undefined);
    branch.orElse = orElse;
    // Mostly it is the only one, and a list that grows takes room for many.
    this.branches = this.branches.length === 0 ? [branch] : [...this.branches, branch];
    let limit: number | undefined;
    if (job.decision === undefined) limit = values.inDialogResponse;
    else if (this.targets.hasMore) limit = values.firstResponse;
    branch.start(flow ?? environment.connect(target, listener), text, limit);
  }

  /** Whether §18.1.1 applies to a request too large for UDP, and TCP may be tried. */
  private goesOverTcp({ target, flow, udpOnly }: Candidate): boolean {
    if (target.transport !== "udp" || flow !== undefined || udpOnly || leavesOverUdpOnly(this.job.routes)) return false;
    const { identity } = this.environment;
    const tcp = overTcp(target);
    return identity.reaches(tcp) && this.environment.inOrder([tcp, target])[0]?.transport === "tcp";
  }

  private concludeIfIdle(): void {
    if (this.finished || this.targets.isLocating) return;
    // After a 6xx nobody waits for who has never answered.
    if (this.branches.some(({ active, provisional }) => active && (provisional || !this.declined))) return;
    if (this.cancelled && !this.declined) {
      this.answerSelf(487, "the caller cancelled");
      return;
    }
    // §16.7 step 6: of the answers that were set aside a 6xx, else the one of the lowest class.
    const aside = this.outcomes.filter(({ response, status }) => response && status !== 503 && status !== 487);
    const best = aside.find(({ status }) => status >= 600) ?? aside.sort((a, b) => a.status - b.status)[0];
    if (best?.response !== undefined && best.target !== undefined) {
      this.answerWith(best.target, best.response);
      return;
    }
    const explanation = this.outcomes.map((outcome) => outcome.explanation).join("; ") || "there is no next hop";
    // DEVIATION: for a dialog whose next hop is gone, 481 in place of 408, 500 or 503: a legacy client then looks up
    // the contact again, while any other answer sends it into a loop of UPDATE requests.
    if (this.job.decision === undefined) {
      // Outside of a dialog it came along a Path, and the connection of the client is gone (RFC 5626 §5.3.1).
      this.answerSelf(this.job.request.to!.tag === undefined ? 430 : 481, explanation);
    } else if (!this.outcomes.some((outcome) => outcome.status === 408)) {
      // §16.7 step 6: a 503 of one server is no 503 of ours.
      this.answerSelf(500, explanation);
    } else if (this.job.request.method === "INVITE") this.answerSelf(408, explanation);
    else {
      // RFC 4320 §4.2: a 408 to a non-INVITE would arrive too late to be of use.
      this.conclude(this.lastTarget, 0, undefined, explanation);
      this.server.abandon();
    }
  }

  /** Passes on a final response other than 2xx and ends the search: it is an answer, no failure of a server. */
  private answerWith(target: Target, response: SipMessage): void {
    if (this.cancelled && response.status === 408) this.answerSelf(487, "the caller cancelled");
    // DEVIATION: a legacy client answers a 401 with the same request at once, for ever; no pool means its challenge for it.
    else if (response.status === 401 && !this.byDefaultRoute) {
      const status = this.job.decision === undefined ? 481 : 403;
      this.answerSelf(status, `${target.host} asked the legacy client for credentials (401)`);
    } else if (response.status === 408 && this.job.request.method !== "INVITE") {
      this.conclude(target, 0, undefined, `${target.host} answered 408`);
      this.server.abandon();
    } else this.conclude(target, response.status, forwardResponse(response), undefined);
    for (const branch of this.branches) branch.cancel();
  }

  /** True for what is no endpoint's business: its parties may be of any kind. */
  private get byDefaultRoute(): boolean {
    return this.job.decision !== undefined && this.job.decision.endpoint === undefined;
  }

  private answerSelf(status: number, explanation: string): void {
    const { job, environment } = this;
    const headers = explanationHeaders(environment.identity.name, status, explanation);
    const text = this.reply(status, status === 487 ? "" : headers, job.toTag);
    this.conclude(this.lastTarget, status, text, explanation);
  }

  private sendTrying(): void {
    if (!this.answered) this.server.respond(100, this.reply(100, "", undefined));
  }

  private reply(status: number, headers: string, toTag: string | undefined): string {
    const { request, inbound } = this.job;
    return buildReply(request, inbound, status, { headers, toTag });
  }

  /**
   * Sends the final answer; a further 2xx to an INVITE travels on too (§16.7 step 5).
   * @returns false when nothing was sent: there is nothing to send, or the answer went out before
   */
  private conclude(
    target: Target | undefined,
    status: number,
    text: string | undefined,
    explanation: string | undefined,
  ): boolean {
    let sent = false;
    if (text !== undefined) {
      sent = this.server.respond(status, text);
      this.answered = true;
      // Without an answer the 100 is still owed: the caller repeats the request until then (RFC 4320 §4.1).
      this.environment.timers.cancel(this.trying);
    }
    if (this.finished) return sent;
    this.finished = true;
    this.targets.clear();
    const { job, from } = this;
    this.from = "";
    if (this.answered) this.openJob = undefined;
    if (this.outcomes.length > 0) this.outcomes.length = 0;
    if (!this.environment.hears("request")) return sent;
    const event: RequestFinished = {
      type: "request",
      method: job.request.method,
      requestUri: job.request.requestUri,
      callId: job.request.callId,
      from,
      source: job.inbound,
      decision: job.decision === undefined ? "dialog" : "proxy",
      endpoint: job.decision?.endpoint,
      target,
      status,
      explanation,
      durationMs: this.environment.timers.now - this.startedAt,
    };
    this.environment.event(event);
    return sent;
  }

  private reportFailure(target: Target, reason: string): void {
    if (!this.environment.hears("branch-failed")) return;
    const { inbound, request } = this.job;
    const { callId, method } = request;
    this.environment.event({ type: "branch-failed", callId, method, source: inbound, target, reason });
  }
}

const NO_BRANCHES: readonly Branch[] = [];

function unreachable(explanation: string): Outcome {
  return { status: 503, response: undefined, target: undefined, explanation };
}
