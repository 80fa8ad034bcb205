import { flat } from "../flat.ts";
import { type Flow, isReliable } from "../flow.ts";
import type { SipMessage } from "../message.ts";
import type { Timer } from "../timers.ts";
import type { ClientTransaction, ClientTransactionTable, ClientTransactionUser, WayUpstream } from "./client.ts";
import type { TransactionEnvironment } from "./environment.ts";

/** The INVITE client transaction (RFC 3261 §17.1.1 with the Accepted state of RFC 6026 §7.2). */
export class InviteClientTransaction implements ClientTransaction {
  readonly key: string;
  readonly method = "INVITE";
  readonly flow: Flow;
  hash = 0;
  chained: ClientTransaction | undefined;
  sentBefore: ClientTransaction | undefined;
  sentAfter: ClientTransaction | undefined;
  /** `lost`: the connection broke under a ringing INVITE; a 2xx may still come on another one. */
  state: "calling" | "proceeding" | "lost" | "completed" | "accepted" | "terminated" = "calling";
  private readonly environment: TransactionEnvironment;
  private readonly table: ClientTransactionTable;
  private user: ClientTransactionUser;
  /** The INVITE while it may have to be repeated, then the ACK of a non-2xx. */
  private repeatable: string | undefined;
  private resendAfter: number;
  private resend: Timer | undefined;
  private end: Timer | undefined;

  /** Sends `text` on `flow` and starts the machine. */
  constructor(
    environment: TransactionEnvironment,
    key: string,
    flow: Flow,
    text: string,
    table: ClientTransactionTable,
    user: ClientTransactionUser,
  ) {
    const { timers, values } = environment;
    this.environment = environment;
    this.key = flat(key);
    this.flow = flow;
    this.table = table;
    this.user = user;
    this.resendAfter = values.t1;
    this.end = timers.start(64 * values.t1, this, "B");
    if (!isReliable(flow.transport)) {
      text = flat(text);
      this.repeatable = text;
      this.resend = timers.start(this.resendAfter, this, "A");
    }
    environment.send(flow, text);
  }

  /**
   * A 2xx came, and what still comes is for `user`.
   * @param way if all that `user` does with it is to send it upstream by this way: whoever keeps the table may do that too
   */
  handOver(user: ClientTransactionUser, way?: WayUpstream): void {
    this.user = user;
    if (way !== undefined && this.state === "accepted" && this.table.passAnswersOn(this, way)) {
      this.state = "terminated";
      this.environment.timers.cancel(this.end);
    }
  }

  get pending(): boolean {
    return this.state === "calling" || this.state === "proceeding";
  }

  received(response: SipMessage): void {
    const { status } = response;
    if (this.state === "completed") {
      if (status >= 300) this.environment.send(this.flow, this.repeatable!);
      return;
    }
    if (this.state === "accepted") {
      if (status >= 200 && status < 300) this.user.responseReceived(response);
      return;
    }
    if (this.state === "terminated" || (this.state === "lost" && (status < 200 || status >= 300))) return;
    if (this.state === "calling") this.stopCalling();
    if (status < 200) {
      this.state = "proceeding";
      this.user.responseReceived(response);
      return;
    }
    const { timers, values } = this.environment;
    timers.cancel(this.end);
    if (status < 300) {
      this.state = "accepted";
      this.end = timers.start(64 * values.t1, this, "M");
      this.user.responseReceived(response);
      return;
    }
    this.state = "completed";
    const ack = flat(this.user.acknowledge(response));
    this.environment.send(this.flow, ack);
    if (isReliable(this.flow.transport)) this.terminate();
    else {
      this.repeatable = ack;
      this.end = timers.start(64 * values.t1, this, "D");
    }
    this.user.responseReceived(response);
  }

  transportFailed(reason: string): void {
    // The peer of an answered transaction may come back on another connection.
    if (this.state === "calling") this.terminate();
    else if (this.state !== "proceeding") return;
    else {
      this.state = "lost";
      this.end = this.environment.timers.start(64 * this.environment.values.t1, this, "M");
    }
    this.user.transportFailed(reason);
  }

  timerFired(kind: "A" | "B" | "D" | "M"): void {
    if (kind === "A") {
      this.resendAfter *= 2;
      this.resend = this.environment.timers.start(this.resendAfter, this, "A");
      this.environment.send(this.flow, this.repeatable!);
      return;
    }
    this.terminate();
    if (kind === "B") this.user.timedOut();
  }

  terminate(): void {
    if (this.state === "terminated") return;
    this.state = "terminated";
    this.repeatable = undefined;
    this.environment.timers.cancel(this.resend);
    this.environment.timers.cancel(this.end);
    this.table.clientTransactionEnded(this);
  }

  private stopCalling(): void {
    this.repeatable = undefined;
    this.environment.timers.cancel(this.resend);
    this.environment.timers.cancel(this.end);
  }
}
