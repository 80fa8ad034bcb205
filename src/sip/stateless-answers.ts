import { retryAfterSeconds } from "./capacity.ts";
import type { RedirectDecision, RejectDecision } from "./decision.ts";
import type { RequestFinished } from "./event.ts";
import type { Flow } from "./flow.ts";
import { Header } from "./header-names.ts";
import type { SipMessage } from "./message.ts";
import type { ProxyEnvironment } from "./proxy/environment.ts";
import { buildReply, explanationHeaders } from "./reply.ts";
import { ResponsePath } from "./transaction/environment.ts";

/** What Waypost passes on or answers itself; for an OPTIONS that is meant for it. */
const ALLOW =
  "INVITE, ACK, CANCEL, BYE, INFO, UPDATE, OPTIONS, MESSAGE, SUBSCRIBE, NOTIFY, REFER, PRACK, PUBLISH, REGISTER";

/** §20.35. By it a gateway is told from a pool, so that two of them are not pointed at each other. */
const SERVER = "Server: Waypost\r\n";

/**
 * Short: a proxy keeps away from us for so long altogether (§21.5.4), and requests inside dialogs are still served.
 * Without it the 503 would count as a 500, and no other server would be tried.
 */
const LEAVING = "Retry-After: 2\r\n";

/**
 * Answers that keep no transaction (RFC 3261 §8.2.7): a repeated request gets the same answer again, since the To tag
 * is made from the request. `tag` is that tag.
 */
export class StatelessAnswers {
  private readonly environment: ProxyEnvironment;

  constructor(environment: ProxyEnvironment) {
    this.environment = environment;
  }

  /** §8.3. */
  redirect(request: SipMessage, flow: Flow, tag: string, decision: RedirectDecision): void {
    let contacts = "";
    for (const uri of decision.contacts) contacts += `Contact: <${uri}>\r\n`;
    this.send(request, flow, tag, decision.status, contacts);
    this.report(request, flow, "redirect", decision.status, decision.endpoint, undefined);
  }

  /** There is no room for another transaction. @param lack of what, for people */
  refuseForLack(request: SipMessage, flow: Flow, tag: string, lack: string): void {
    // DEVIATION: 481 in place of 503 inside a dialog: a legacy client then looks up its contact again, while any 5xx
    // sends it into a loop of UPDATE requests.
    if (request.to!.tag !== undefined) this.refuse(request, flow, tag, 481, lack);
    else {
      const seconds = retryAfterSeconds(Number.parseInt(tag.slice(-6), 36));
      this.refuse(request, flow, tag, 503, lack, `Retry-After: ${seconds}\r\n`);
    }
  }

  /** The gateway is about to stop, and takes nothing new. */
  refuseLeaving(request: SipMessage, flow: Flow, tag: string): void {
    this.refuse(request, flow, tag, 503, "this gateway is about to stop", LEAVING);
  }

  /** What the table or the default route refuses. */
  reject(request: SipMessage, flow: Flow, tag: string, decision: RejectDecision): void {
    const { status, reason, explanation, endpoint } = decision;
    this.send(request, flow, tag, status, this.explain(status, explanation), reason);
    this.report(request, flow, "reject", status, endpoint, explanation);
  }

  /** What the rules of SIP refuse. `headers` are whole lines. */
  refuse(request: SipMessage, flow: Flow, tag: string, status: number, why: string, headers = ""): void {
    this.send(request, flow, tag, status, headers + this.explain(status, why));
    this.report(request, flow, "reject", status, undefined, why);
  }

  /** A request that could not be read. A Via that is broken itself goes back as it is, to where the request came from. */
  refuseBroken(request: SipMessage, flow: Flow, tag: string, status: number, why: string): void {
    if (request.topVia !== undefined) this.refuse(request, flow, tag, status, why);
    else {
      const headers = this.explain(status, why);
      this.environment.send(flow, buildReply(request, flow, status, { toTag: tag, headers }));
      this.report(request, flow, "reject", status, undefined, why);
    }
  }

  /** An OPTIONS that is meant for us (§11.2). */
  options(request: SipMessage, flow: Flow, tag: string): void {
    this.send(request, flow, tag, 200, `Allow: ${ALLOW}\r\nAccept: */*\r\n`);
    this.report(request, flow, "self", 200, undefined, undefined);
  }

  private explain(status: number, why: string): string {
    return explanationHeaders(this.environment.identity.name, status, why);
  }

  private send(request: SipMessage, flow: Flow, toTag: string, status: number, headers: string, reason?: string): void {
    const text = buildReply(request, flow, status, { toTag, headers: SERVER + headers, reason });
    ResponsePath.of(request.topVia!, flow, this.environment).send(text, this.environment);
  }

  private report(
    request: SipMessage,
    source: Flow,
    decision: RequestFinished["decision"],
    status: number,
    endpoint: string | undefined,
    explanation: string | undefined,
  ): void {
    if (!this.environment.hears("request")) return;
    this.environment.event({
      type: "request",
      method: request.method,
      requestUri: request.requestUri,
      callId: request.callId,
      from: request.value(Header.From) ?? "",
      source,
      decision,
      endpoint,
      target: undefined,
      status,
      explanation,
      durationMs: 0,
    });
  }
}
