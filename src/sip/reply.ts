import { replyText } from "../grammar/grammar.ts";
import type { Flow } from "./flow.ts";
import type { SipMessage } from "./message.ts";
import { tellsReceived } from "./via.ts";

/** Reason phrases for the statuses that Waypost itself answers with (§21). */
const REASONS: Readonly<Record<number, string>> = {
  100: "Trying",
  200: "OK",
  302: "Moved Temporarily",
  303: "See Other",
  400: "Bad Request",
  403: "Forbidden",
  404: "Not Found",
  408: "Request Timeout",
  416: "Unsupported URI Scheme",
  420: "Bad Extension",
  430: "Flow Failed",
  480: "Temporarily Unavailable",
  481: "Call/Transaction Does Not Exist",
  482: "Loop Detected",
  483: "Too Many Hops",
  487: "Request Terminated",
  500: "Server Internal Error",
  503: "Service Unavailable",
  505: "Version Not Supported",
};

/** The start lines that those of RFC 3261 make, one text for each. */
const START_LINES: string[] = [];
for (const status of Object.keys(REASONS))
  START_LINES[Number(status)] = startLine(Number(status), reasonPhrase(Number(status)));

function startLine(status: number, reason: string): string {
  return `SIP/2.0 ${status} ${reason}\r\n`;
}

/** The phrase that goes with a status of ours. */
export function reasonPhrase(status: number): string {
  return REASONS[status] ?? "Error";
}

export interface ReplyOptions {
  /** Defaults to the standard phrase. */
  readonly reason?: string | undefined;
  /** Added to To where it has no tag (§8.2.6.2); a 100 takes none. */
  readonly toTag?: string | undefined;
  /** Whole header lines, each with its CRLF. */
  readonly headers?: string;
}

/**
 * Makes a response to a request that came on `flow` (§8.2.6): its Vias, From, To, Call-ID and CSeq as they came, the source
 * in the topmost Via (§18.2.1, RFC 3581 §4), long names, no body. A broken request gets what could be read of it.
 */
export function buildReply(request: SipMessage, flow: Flow, status: number, options: ReplyOptions = {}): string {
  const via = request.topVia;
  return replyText(request.current(), {
    start:
      (options.reason === undefined && START_LINES[status]) ||
      startLine(status, options.reason ?? reasonPhrase(status)),
    port: flow.remotePort,
    received: via !== undefined && tellsReceived(via, flow.remoteAddress) ? flow.remoteAddress : "",
    toTag: options.toTag ?? "",
    isTrying: status === 100,
    rest: `${options.headers ?? ""}Content-Length: 0\r\n\r\n`,
  });
}

/** Warning 399 (§20.43) and Microsoft's own header for the same, so that both kinds of administrator find the reason. */
export function explanationHeaders(host: string, status: number, explanation: string): string {
  const text = explanation.replace(/[\\"]/g, "'").replace(/[^\x20-\x7e]/g, "?");
  return `Warning: 399 ${host} "${text}"\r\nms-diagnostics: ${24000 + status};reason="${text}";source="${host}"\r\n`;
}
