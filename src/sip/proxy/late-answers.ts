import type { SipMessage } from "../message.ts";
import { type ClientTransactionUser, noAck, type WayUpstream } from "../transaction/client.ts";
import type { TransactionEnvironment } from "../transaction/environment.ts";
import { forwardResponse, strandedBy } from "./forward-response.ts";

/** Sends a further 2xx to an INVITE upstream; each travels on too (RFC 6026 §7.2, RFC 3261 §16.7 step 5). */
export function forwardLateAnswer(
  response: SipMessage,
  { path, cseq }: WayUpstream,
  environment: TransactionEnvironment,
): void {
  if (response.status < 200 || response.status >= 300) return;
  if (strandedBy(response, cseq) !== undefined) return;
  const text = forwardResponse(response);
  if (text !== undefined) path.send(text, environment);
}

/**
 * What is left of the work on an INVITE once a 2xx has gone upstream. It stays for half a minute, so it holds nothing
 * but the way upstream.
 */
export class LateAnswers implements ClientTransactionUser {
  private readonly environment: TransactionEnvironment;
  private readonly way: WayUpstream;

  constructor(environment: TransactionEnvironment, way: WayUpstream) {
    this.environment = environment;
    this.way = way;
  }

  responseReceived(response: SipMessage): void {
    forwardLateAnswer(response, this.way, this.environment);
  }

  timedOut(): void {}
  acknowledge(): never {
    return noAck();
  }
  transportFailed(): void {}
}
