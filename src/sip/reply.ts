import { Header } from "./header-names.ts";
import type { SipMessage } from "./message.ts";

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

/** The phrase that goes with a status of ours. */
export function reasonPhrase(status: number): string {
  return REASONS[status] ?? "Error";
}

export interface ReplyOptions {
  /** Defaults to the standard phrase. */
  readonly reason?: string | undefined;
  /** Added to To where it has no tag (§8.2.6.2); a 100 takes none. */
  readonly toTag?: string;
  /** Whole header lines, each with its CRLF. */
  readonly headers?: string;
  /** The top Via with `received` and `rport` filled in (§18.2.1), when it was changed. */
  readonly topVia?: string;
}

/**
 * Makes a response to `request` (§8.2.6): its Vias, From, To, Call-ID and CSeq as they came, long names, no body.
 * A broken request gets what could be read of it.
 */
export function buildReply(request: SipMessage, status: number, options: ReplyOptions = {}): string {
  let out = `SIP/2.0 ${status} ${options.reason ?? reasonPhrase(status)}\r\n`;
  let first = true;
  for (let i = request.find(Header.Via); i >= 0; i = request.findNext(i)) {
    if (first && options.topVia !== undefined) {
      const via = request.topVia!;
      out += `Via: ${options.topVia}${request.text.slice(via.end, request.index[i + 3])}\r\n`;
    } else out += `Via: ${request.valueAt(i)}\r\n`;
    first = false;
  }
  out += line(request, Header.From, "From");
  const to = request.value(Header.To);
  if (to !== undefined) {
    const tagged = options.toTag === undefined || request.to === undefined || request.to.tag !== undefined;
    out += tagged ? `To: ${to}\r\n` : `To: ${to};tag=${options.toTag}\r\n`;
  }
  out += line(request, Header.CallId, "Call-ID") + line(request, Header.CSeq, "CSeq");
  if (status === 100) out += line(request, Header.Timestamp, "Timestamp");
  return `${out}${options.headers ?? ""}Content-Length: 0\r\n\r\n`;
}

function line(request: SipMessage, id: (typeof Header)[keyof typeof Header], name: string): string {
  const value = request.value(id);
  return value === undefined ? "" : `${name}: ${value}\r\n`;
}

/** Warning 399 (§20.43) and Microsoft's own header for the same, so that both kinds of administrator find the reason. */
export function explanationHeaders(host: string, status: number, explanation: string): string {
  const text = explanation.replace(/[\\"]/g, "'").replace(/[^\x20-\x7e]/g, "?");
  return `Warning: 399 ${host} "${text}"\r\nms-diagnostics: ${24000 + status};reason="${text}";source="${host}"\r\n`;
}
