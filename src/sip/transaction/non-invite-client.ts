import { flat } from "../flat.ts";
import { type Flow, isReliable } from "../flow.ts";
import type { SipMessage } from "../message.ts";
import type { Timer } from "../timers.ts";
import type { ClientTransaction, ClientTransactionTable, ClientTransactionUser } from "./client.ts";
import type { TransactionEnvironment } from "./environment.ts";

/** The non-INVITE client transaction (RFC 3261 §17.1.2). */
export class NonInviteClientTransaction implements ClientTransaction {
  readonly key: string;
  readonly method: string;
  readonly flow: Flow;
  hash = 0;
  chained: ClientTransaction | undefined;
  sentBefore: ClientTransaction | undefined;
  sentAfter: ClientTransaction | undefined;
  state: "trying" | "proceeding" | "completed" | "terminated" = "trying";
  private readonly environment: TransactionEnvironment;
  private readonly table: ClientTransactionTable;
  /** Undefined once it has the final response. */
  private user: ClientTransactionUser | undefined;
  private repeatable: string | undefined;
  private resendAfter: number;
  private resend: Timer | undefined;
  private end: Timer | undefined;

  /** Sends `text` on `flow` and starts the machine. */
  constructor(
    environment: TransactionEnvironment,
    key: string,
    method: string,
    flow: Flow,
    text: string,
    table: ClientTransactionTable,
    user: ClientTransactionUser,
  ) {
    const { timers, values } = environment;
    this.environment = environment;
    this.key = flat(key);
    this.method = method;
    this.flow = flow;
    this.table = table;
    this.user = user;
    this.resendAfter = values.t1;
    this.end = timers.start(64 * values.t1, this, "F");
    if (!isReliable(flow.transport)) {
      text = flat(text);
      this.repeatable = text;
      this.resend = timers.start(this.resendAfter, this, "E");
    }
    environment.send(flow, text);
  }

  get pending(): boolean {
    return this.state === "trying" || this.state === "proceeding";
  }

  received(response: SipMessage): void {
    if (this.state === "completed" || this.state === "terminated") return;
    const { user } = this;
    if (response.status < 200) this.state = "proceeding";
    else {
      const { timers, values } = this.environment;
      timers.cancel(this.resend);
      timers.cancel(this.end);
      this.repeatable = undefined;
      this.user = undefined;
      this.state = "completed";
      if (isReliable(this.flow.transport)) this.terminate();
      else if (!this.table.absorbAnswers(this)) this.end = timers.start(values.t4, this, "K");
    }
    user?.responseReceived(response);
  }

  transportFailed(reason: string): void {
    const awaited = this.state === "trying" || this.state === "proceeding";
    this.terminate();
    if (awaited) this.user?.transportFailed(reason);
  }

  timerFired(kind: "E" | "F" | "K"): void {
    if (kind === "E") {
      const { timers, values } = this.environment;
      this.resendAfter = this.state === "proceeding" ? values.t2 : Math.min(2 * this.resendAfter, values.t2);
      this.resend = timers.start(this.resendAfter, this, "E");
      this.environment.send(this.flow, this.repeatable!);
      return;
    }
    this.terminate();
    if (kind === "F") this.user?.timedOut();
  }

  terminate(): void {
    if (this.state === "terminated") return;
    this.state = "terminated";
    this.repeatable = undefined;
    this.environment.timers.cancel(this.resend);
    this.environment.timers.cancel(this.end);
    this.table.clientTransactionEnded(this);
  }
}
