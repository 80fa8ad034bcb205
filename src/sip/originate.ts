import { outcomeOf } from "./address-outcome.ts";
import type { Flow, Listener, Target } from "./flow.ts";
import type { AddressOutcome } from "./host.ts";
import type { SipMessage } from "./message.ts";
import type { ProxyEnvironment } from "./proxy/environment.ts";
import { type Candidate, TargetSet, type TargetSetUser } from "./proxy/target-set.ts";
import type { Timer } from "./timers.ts";
import { noAck } from "./transaction/client.ts";
import { clientKey } from "./transaction/key.ts";
import { NonInviteClientTransaction } from "./transaction/non-invite-client.ts";
import { parseUri } from "./uri.ts";

/** A request of our own, outside of any dialog and not an INVITE. */
export interface OwnRequest {
  readonly method: string;
  /** The URI to locate (RFC 3263). */
  readonly nextHop: string;
  /** Requests of the same affinity go to the same address while it works: the Call-ID. */
  readonly affinity: string;
  /** Tried before what is located: the address that has answered a moment ago. */
  readonly first?: Target | undefined;
  /** Makes the whole head, empty line included. @param via the value for its Via @param listener the one that sends */
  compose(via: string, listener: Listener): string;
}

/** What became of it. */
export type OwnResult =
  | { readonly kind: "response"; readonly response: SipMessage; readonly target: Target; readonly flow: Flow }
  /** No address gave a final answer. `reason` is for people. */
  | { readonly kind: "failed"; readonly reason: string };

/** Sends a request of our own to one address after the other, until one gives a final answer other than 503. */
export class Origination implements TargetSetUser {
  private readonly environment: ProxyEnvironment;
  private readonly request: OwnRequest;
  private readonly newBranch: () => string;
  private readonly done: (result: OwnResult) => void;
  private readonly targets: TargetSet;
  private readonly reasons: string[] = [];
  private busy: OwnResult | undefined;
  private transaction: NonInviteClientTransaction | undefined;
  private limit: Timer | undefined;
  private over = false;

  /** @param done called once, perhaps before `start` returns; never after `giveUp` */
  constructor(
    environment: ProxyEnvironment,
    request: OwnRequest,
    newBranch: () => string,
    done: (result: OwnResult) => void,
  ) {
    this.environment = environment;
    this.request = request;
    this.newBranch = newBranch;
    this.done = done;
    const uri = parseUri(request.nextHop);
    if (uri === undefined) this.reasons.push(`${request.nextHop} is no SIP URI`);
    const purpose = { anyTransport: true, affinity: request.affinity, inDialog: false };
    const first = request.first === undefined ? [] : [{ target: request.first }];
    this.targets = new TargetSet(environment, purpose, uri === undefined ? [] : [uri], first);
  }

  start(): void {
    this.targets.next(this);
  }

  turnTo(candidate: Candidate | undefined): void {
    if (candidate === undefined) this.conclude();
    else this.attempt(candidate);
  }

  unlocated(why: string): void {
    this.reasons.push(why);
  }

  /** Forgets it; `done` is not called any more. */
  giveUp(): void {
    this.over = true;
    this.targets.clear();
    this.environment.timers.cancel(this.limit);
    this.transaction?.terminate();
  }

  timerFired(_kind: "limit"): void {
    this.transaction?.terminate();
    this.failed({ kind: "timeout" }, "did not answer in time");
  }

  private target!: Target;
  private startedAt = 0;

  private attempt({ target }: Candidate): void {
    const { environment, request } = this;
    const { identity, timers, values } = environment;
    const listener = identity.listenerTo(target);
    this.target = target;
    this.startedAt = timers.now;
    if (listener === undefined) {
      this.reasons.push(`there is no listener for ${target.transport} to ${this.name}`);
      this.start();
      return;
    }
    const branch = this.newBranch();
    const head = request.compose(identity.viaValue(listener, target.transport, branch), listener);
    const flow = environment.connect(target, listener);
    // Timer F would wait for 32 s before the next address is tried.
    if (this.targets.hasMore) this.limit = timers.start(values.firstResponse, this, "limit");
    this.transaction = new NonInviteClientTransaction(
      environment,
      clientKey(branch, request.method),
      request.method,
      flow,
      head,
      environment.transactions,
      {
        responseReceived: (response) => this.received(response, flow),
        timedOut: () => this.failed({ kind: "timeout" }, "did not answer"),
        acknowledge: noAck,
        transportFailed: (reason) => this.failed({ kind: "transport", reason }, reason),
      },
    );
    environment.transactions.addClient(this.transaction);
  }

  private received(response: SipMessage, flow: Flow): void {
    if (this.over || response.status < 200) return;
    const { environment, target } = this;
    environment.timers.cancel(this.limit);
    environment.reached(target, outcomeOf(response), this.startedAt);
    const result = { kind: "response", response, target, flow } as const;
    if (response.status !== 503) {
      this.finish(result);
      return;
    }
    this.busy ??= result;
    this.start();
  }

  private failed(outcome: AddressOutcome, reason: string): void {
    if (this.over) return;
    this.environment.timers.cancel(this.limit);
    this.environment.reached(this.target, outcome, this.startedAt);
    this.reasons.push(`${this.name}: ${reason}`);
    this.start();
  }

  private conclude(): void {
    const reason = this.reasons.join("; ") || "there is no address";
    this.finish(this.busy ?? { kind: "failed", reason });
  }

  private finish(result: OwnResult): void {
    this.over = true;
    this.targets.clear();
    this.done(result);
  }

  private get name(): string {
    const { host, transport, address, port } = this.target;
    return `${host} (${transport} ${address}:${port})`;
  }
}
