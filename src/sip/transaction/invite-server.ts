import { flat } from "../flat.ts";
import { isReliable, type TransportName } from "../flow.ts";
import type { SipMessage } from "../message.ts";
import type { Timer } from "../timers.ts";
import type { ResponsePath, TransactionEnvironment } from "./environment.ts";
import type { ServerContext, ServerTransaction, ServerTransactionUser } from "./server.ts";

/** The INVITE server transaction (RFC 3261 §17.2.1 with the Accepted state of RFC 6026 §7.1). */
export class InviteServerTransaction implements ServerTransaction {
  readonly key: string;
  hash = 0;
  chained: ServerTransaction | undefined;
  context: ServerContext | undefined;
  counted = false;
  readonly requestBytes: number;
  state: "proceeding" | "accepted" | "completed" | "confirmed" | "terminated" = "proceeding";
  private readonly environment: TransactionEnvironment;
  readonly path: ResponsePath;
  private readonly reliable: boolean;
  private readonly user: ServerTransactionUser;
  private lastResponse: string | undefined;
  private resendAfter: number;
  private resend: Timer | undefined;
  private end: Timer | undefined;

  constructor(
    environment: TransactionEnvironment,
    key: string,
    request: SipMessage,
    path: ResponsePath,
    transport: TransportName,
    user: ServerTransactionUser,
  ) {
    this.environment = environment;
    this.key = flat(key);
    this.requestBytes = request.text.length;
    this.path = path;
    this.reliable = isReliable(transport);
    this.user = user;
    this.resendAfter = environment.values.t1;
  }

  get repeating(): boolean {
    return this.state === "completed" && !this.reliable;
  }

  /** The INVITE came again. */
  retransmitted(): void {
    if (this.lastResponse !== undefined && (this.state === "proceeding" || this.state === "completed")) {
      this.path.send(this.lastResponse, this.environment);
    }
  }

  /** The user answers. A response that the state has no room for is dropped. */
  respond(status: number, text: string): boolean {
    const { timers, values } = this.environment;
    if (this.state === "accepted" ? status < 200 || status >= 300 : this.state !== "proceeding") return false;
    text = flat(text);
    if (status >= 200) this.context = undefined;
    if (status >= 200 && this.state === "proceeding") {
      if (status < 300) {
        this.state = "accepted";
        this.lastResponse = undefined;
        this.path.send(text, this.environment);
        if (!this.user.keepAnswer(this, "", this.path)) this.end = timers.start(64 * values.t1, this, "L");
        return true;
      }
      this.state = "completed";
      this.end = timers.start(64 * values.t1, this, "H");
      if (!this.reliable) this.resend = timers.start(this.resendAfter, this, "G");
    }
    // In Accepted each 2xx is the user's to repeat (RFC 6026 §7.1).
    if (this.state !== "accepted") this.lastResponse = text;
    this.path.send(text, this.environment);
    return true;
  }

  /** An ACK with the key of this INVITE. @returns false when it belongs to a 2xx and has to travel on */
  acknowledged(): boolean {
    if (this.state === "completed") {
      const { timers, values } = this.environment;
      this.state = "confirmed";
      this.lastResponse = undefined;
      timers.cancel(this.resend);
      timers.cancel(this.end);
      if (this.reliable) this.terminate();
      else this.end = timers.start(values.t4, this, "I");
    }
    return this.state !== "accepted";
  }

  abandon(): void {
    this.terminate();
  }

  timerFired(kind: "G" | "H" | "I" | "L"): void {
    if (kind === "G") {
      const { timers, values } = this.environment;
      this.path.send(this.lastResponse!, this.environment);
      this.resendAfter = Math.min(2 * this.resendAfter, values.t2);
      this.resend = timers.start(this.resendAfter, this, "G");
      return;
    }
    this.terminate();
  }

  private terminate(): void {
    if (this.state === "terminated") return;
    this.state = "terminated";
    this.lastResponse = undefined;
    this.environment.timers.cancel(this.resend);
    this.environment.timers.cancel(this.end);
    this.user.serverTransactionEnded(this);
  }
}
