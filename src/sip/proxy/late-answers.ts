import type { SipMessage } from "../message.ts";
import { type ClientTransactionUser, noAck } from "../transaction/client.ts";
import type { ServerTransaction } from "../transaction/server.ts";
import { forwardResponse, strandedBy } from "./forward-response.ts";

/**
 * What is left of the work on an INVITE once a 2xx has gone upstream: each further 2xx travels on too (RFC 6026 §7.2,
 * RFC 3261 §16.7 step 5). It stays for half a minute, so it holds nothing but the way upstream.
 */
export class LateAnswers implements ClientTransactionUser {
  private readonly server: ServerTransaction;

  private readonly cseq: number;

  /** @param cseq the number in the CSeq of the INVITE */
  constructor(server: ServerTransaction, cseq: number) {
    this.server = server;
    this.cseq = cseq;
  }

  responseReceived(response: SipMessage): void {
    if (response.status < 200 || response.status >= 300) return;
    if (strandedBy(response, this.cseq) !== undefined) return;
    const text = forwardResponse(response);
    if (text !== undefined) this.server.respond(response.status, text);
  }

  timedOut(): void {}
  acknowledge(): never {
    return noAck();
  }
  transportFailed(): void {}
}
