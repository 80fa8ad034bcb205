import { outcomeOf } from "../address-outcome.ts";
import type { Flow, Target } from "../flow.ts";
import type { AddressOutcome } from "../host.ts";
import type { SipMessage } from "../message.ts";
import type { Timer } from "../timers.ts";
import { type ClientTransaction, type ClientTransactionUser, noAck, type WayUpstream } from "../transaction/client.ts";
import { InviteClientTransaction } from "../transaction/invite-client.ts";
import { clientKey } from "../transaction/key.ts";
import { NonInviteClientTransaction } from "../transaction/non-invite-client.ts";
import type { ProxyEnvironment } from "./environment.ts";
import { buildAck, buildCancel, type ForwardedInvite } from "./hop-by-hop.ts";
import { LateAnswers } from "./late-answers.ts";

/** How a branch ended when no final response is the reason. */
export type BranchFailure = "timeout" | "transport";

/** The response context that a branch belongs to. */
export interface BranchOwner {
  provisionalReceived(branch: Branch, response: SipMessage): void;
  finalReceived(branch: Branch, response: SipMessage): void;
  branchFailed(branch: Branch, failure: BranchFailure, reason: string): void;
  /** Timer C fired (§16.8); the branch cancels itself. */
  rangTooLong(): void;
  /** Nothing at all came within the limit for a first response; the branch itself goes on. */
  firstResponseOverdue(branch: Branch): void;
}

/** One forwarded copy of a request and what became of it (RFC 3261 §16.6 to §16.10). */
export class Branch implements ClientTransactionUser {
  readonly target: Target;
  /** True until a final response or a failure ended it. */
  active = true;
  /** True once the next target is tried beside it. */
  superseded = false;
  /** It has been counted as failed, and the next one was turned to. */
  failed = false;
  /** The same server over UDP, when this branch went over TCP for its size alone (§18.1.1). */
  orElse: Target | undefined;
  private readonly environment: ProxyEnvironment;
  private readonly owner: BranchOwner;
  /** Undefined once the branch has ended, so that a request of long ago takes no memory. */
  private invite: ForwardedInvite | undefined;
  private readonly branchId: string;
  private transaction: ClientTransaction | undefined;
  /** True once a provisional response came. */
  provisional = false;
  private reported = false;
  private readonly overGivenFlow: boolean;
  private readonly startedAt: number;
  private cancelWanted = false;
  private cancelSent = false;
  private cancelReason: string | undefined;
  private ringing: Timer | undefined;
  private firstResponse: Timer | undefined;

  constructor(
    environment: ProxyEnvironment,
    owner: BranchOwner,
    target: Target,
    branchId: string,
    invite: ForwardedInvite,
    overGivenFlow: boolean,
  ) {
    this.overGivenFlow = overGivenFlow;
    this.startedAt = environment.timers.now;
    this.environment = environment;
    this.owner = owner;
    this.target = target;
    this.branchId = branchId;
    this.invite = invite;
  }

  /**
   * Sends the copy.
   * @param firstResponseWithin ms until `firstResponseOverdue`; undefined for no such limit
   */
  start(flow: Flow, text: string, firstResponseWithin: number | undefined): void {
    const { environment, branchId } = this;
    const { method } = this.invite!.request;
    const key = clientKey(branchId, method);
    if (firstResponseWithin !== undefined) {
      this.firstResponse = environment.timers.start(firstResponseWithin, this, "first-response");
    }
    // §16.6 step 11: Timer C guards every proxied INVITE.
    if (method === "INVITE") this.ringing = environment.timers.start(environment.values.timerC, this, "C");
    this.transaction =
      method === "INVITE"
        ? new InviteClientTransaction(environment, key, flow, text, environment.transactions, this)
        : new NonInviteClientTransaction(environment, key, method, flow, text, environment.transactions, this);
    environment.transactions.addClient(this.transaction);
  }

  /**
   * Gives the branch up: a pending INVITE is cancelled, now or as soon as a provisional response allows it (§9.1).
   * Nothing can be cancelled about any other method (§16.10).
   */
  cancel(reason?: string): void {
    if (!this.active || this.invite?.request.method !== "INVITE") return;
    this.cancelWanted = true;
    this.cancelReason ??= reason;
    if (this.provisional) this.sendCancel();
  }

  responseReceived(response: SipMessage): void {
    const { timers, values } = this.environment;
    // Of a branch that has ended only a 2xx is still of interest (RFC 6026 §7.2).
    if (!this.active && (response.status < 200 || response.status >= 300)) return;
    timers.cancel(this.firstResponse);
    this.report(outcomeOf(response));
    if (response.status < 200) {
      this.provisional = true;
      if (this.cancelWanted) this.sendCancel();
      // §16.7 step 2: any provisional but 100 starts Timer C anew.
      else if (response.status > 100) {
        timers.cancel(this.ringing);
        this.ringing = timers.start(values.timerC, this, "C");
      }
      this.owner.provisionalReceived(this, response);
      return;
    }
    this.stop();
    this.owner.finalReceived(this, response);
  }

  acknowledge(response: SipMessage): string {
    return buildAck(this.invite!, response);
  }

  timedOut(): void {
    this.fail("timeout", `no answer from ${this.name}`);
  }

  transportFailed(reason: string): void {
    this.fail("transport", reason);
  }

  timerFired(kind: "C" | "first-response" | "cancel"): void {
    if (kind === "first-response") {
      this.report({ kind: "timeout" });
      this.owner.firstResponseOverdue(this);
    }
    // §16.8: Timer C cancels a branch that rings, and counts as 408 for one that never did.
    else if (kind === "C" && this.provisional) {
      this.owner.rangTooLong();
      this.cancel();
    } else {
      this.transaction?.terminate();
      this.fail("timeout", `no final answer from ${this.name}`);
    }
  }

  /**
   * Its INVITE is answered with 2xx: what else comes is no more the business of the owner.
   * @param way on which further 2xx go upstream; undefined where they lead nowhere, since another answer was given
   */
  handOver(way: WayUpstream | undefined): void {
    if (!(this.transaction instanceof InviteClientTransaction)) return;
    if (way === undefined) this.transaction.handOver(IGNORE);
    else this.transaction.handOver(new LateAnswers(this.environment, way), way);
  }

  /** Ends the branch and its transaction without a word to the owner. */
  terminate(): void {
    this.stop();
    this.transaction?.terminate();
  }

  private get name(): string {
    return `${this.target.host} (${this.target.transport} ${this.target.address}:${this.target.port})`;
  }

  private sendCancel(): void {
    if (this.cancelSent) return;
    this.cancelSent = true;
    const { environment } = this;
    const flow = this.transaction!.flow;
    const key = clientKey(this.branchId, "CANCEL");
    const text = buildCancel(this.invite!, this.cancelReason);
    environment.transactions.addClient(
      new NonInviteClientTransaction(environment, key, "CANCEL", flow, text, environment.transactions, IGNORE),
    );
    environment.timers.cancel(this.ringing);
    // §9.1: without a final response to the INVITE it counts as cancelled after 64·T1.
    this.ringing = environment.timers.start(64 * environment.values.t1, this, "cancel");
  }

  private fail(failure: BranchFailure, reason: string): void {
    if (!this.active) return;
    this.report(failure === "timeout" ? { kind: "timeout" } : { kind: "transport", reason });
    this.stop();
    this.owner.branchFailed(this, failure, reason);
  }

  /** Tells once what the address made of the request; a connection that somebody else opened is no located address. */
  private report(outcome: AddressOutcome): void {
    if (this.reported) return;
    this.reported = true;
    if (!this.overGivenFlow) this.environment.reached(this.target, outcome, this.startedAt);
  }

  private stop(): void {
    this.active = false;
    this.invite = undefined;
    this.environment.timers.cancel(this.ringing);
    this.environment.timers.cancel(this.firstResponse);
  }
}

/** Such as for a CANCEL, whose answer says nothing that matters: the INVITE's own final response does (§9.1). */
const IGNORE: ClientTransactionUser = {
  responseReceived() {},
  timedOut() {},
  acknowledge: noAck,
  transportFailed() {},
};
