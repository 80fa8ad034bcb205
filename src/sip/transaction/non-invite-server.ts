import { flat } from "../flat.ts";
import { isReliable, type TransportName } from "../flow.ts";
import type { SipMessage } from "../message.ts";
import type { ResponsePath, TransactionEnvironment } from "./environment.ts";
import type { ServerContext, ServerTransaction, ServerTransactionUser } from "./server.ts";

/** The non-INVITE server transaction (RFC 3261 §17.2.2). */
export class NonInviteServerTransaction implements ServerTransaction {
  readonly key: string;
  hash = 0;
  chained: ServerTransaction | undefined;
  context: ServerContext | undefined;
  counted = false;
  readonly requestBytes: number;
  readonly repeating = false;
  state: "trying" | "proceeding" | "completed" | "terminated" = "trying";
  private readonly environment: TransactionEnvironment;
  readonly path: ResponsePath;
  private readonly reliable: boolean;
  private readonly user: ServerTransactionUser;
  private lastResponse: string | undefined;

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
  }

  /** The request came again. */
  retransmitted(): void {
    if (this.lastResponse !== undefined) this.path.send(this.lastResponse, this.environment);
  }

  respond(status: number, text: string): boolean {
    if (this.state === "completed" || this.state === "terminated") return false;
    text = flat(text);
    this.path.send(text, this.environment);
    if (status < 200) {
      this.state = "proceeding";
      this.lastResponse = text;
    } else if (this.reliable) this.terminate();
    else {
      this.state = "completed";
      this.context = undefined;
      this.lastResponse = undefined;
      if (this.user.keepAnswer(this, text, this.path)) return true;
      this.lastResponse = text;
      this.environment.timers.start(64 * this.environment.values.t1, this, "J");
    }
    return true;
  }

  abandon(): void {
    this.environment.timers.start(64 * this.environment.values.t1, this, "J");
  }

  timerFired(_kind: "J"): void {
    this.terminate();
  }

  private terminate(): void {
    if (this.state === "terminated") return;
    this.state = "terminated";
    this.lastResponse = undefined;
    this.user.serverTransactionEnded(this);
  }
}
