import { randomBytes } from "node:crypto";
import { hostPort } from "../address.ts";
import type { TransportName } from "../sip/flow.ts";
import type { SipMessage } from "../sip/message.ts";

/** What a request of ours says; the rest is the same in all of them. */
export interface RequestText {
  readonly method: string;
  readonly uri: string;
  readonly transport: TransportName;
  readonly local: { readonly address: string; readonly port: number };
  readonly branch: string;
  /** Whole values of From and To, tags included. */
  readonly from: string;
  readonly to: string;
  readonly callId: string;
  readonly cseq: number;
  readonly maxForwards: number;
  readonly routes?: readonly string[];
  /** Further whole header lines, without CRLF. */
  readonly headers?: readonly string[];
  readonly body?: string;
}

/** The bytes of a request (RFC 3261 §8.1.1). */
export function requestBytes(request: RequestText): Buffer {
  const { method, uri, transport, local, branch, body = "" } = request;
  const lines = [
    `${method} ${uri} SIP/2.0`,
    `Via: SIP/2.0/${transport.toUpperCase()} ${hostPort(local.address, local.port)};branch=${branch};rport`,
    `Max-Forwards: ${request.maxForwards}`,
    ...(request.routes ?? []).map((route) => `Route: ${route}`),
    `From: ${request.from}`,
    `To: ${request.to}`,
    `Call-ID: ${request.callId}`,
    `CSeq: ${request.cseq} ${method}`,
    "User-Agent: Waypost-Doctor",
    ...(request.headers ?? []),
    `Content-Length: ${Buffer.byteLength(body)}`,
  ];
  return Buffer.from(`${lines.join("\r\n")}\r\n\r\n${body}`);
}

/** The answer to a request that a peer sends us meanwhile: yes to everything, with the headers of RFC 3261 §8.2.6. */
export function okBytes(request: SipMessage): Buffer {
  const kept = headerLines(request).filter(({ name }) => /^(via|v|from|f|to|t|call-id|i|cseq)$/i.test(name));
  const lines = ["SIP/2.0 200 OK", ...kept.map(({ name, value }) => `${name}: ${value}`), "Content-Length: 0"];
  return Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1");
}

/** The values of all headers of that name, one for each line. */
export function headerValues(message: SipMessage, name: string): string[] {
  return headerLines(message).flatMap((line) => (line.name.toLowerCase() === name.toLowerCase() ? line.value : []));
}

/** `404 Not Found`, and the explanation where the peer gives one in Warning or ms-diagnostics. */
export function statusText(response: SipMessage): string {
  const line = response.text.slice(8, response.text.indexOf("\r\n"));
  const [diagnostics = ""] = headerValues(response, "ms-diagnostics");
  const [warning = ""] = headerValues(response, "Warning");
  const why = /reason="([^"]*)"/.exec(diagnostics)?.[1] ?? /"([^"]*)"/.exec(warning)?.[1];
  return why === undefined ? line : `${line}: ${why}`;
}

/** True for an answer that another Waypost gave by itself (RFC 3261 §20.35). */
export function isFromWaypost(response: SipMessage): boolean {
  return headerValues(response, "Server").some((server) => /^Waypost\b/i.test(server));
}

/** The entries of a header that is a list; commas inside angle brackets or quotes do not split. */
export function listEntries(values: readonly string[]): string[] {
  return values.flatMap((value) => value.match(/(?:<[^>]*>|"[^"]*"|[^,<"])+/g) ?? []).map((entry) => entry.trim());
}

export function newBranch(): string {
  return `z9hG4bK${newToken()}`;
}

export function newToken(): string {
  return randomBytes(8).toString("hex");
}

function headerLines({ text, headersStart, headersEnd }: SipMessage): { name: string; value: string }[] {
  const unfolded = text.slice(headersStart, headersEnd).replace(/\r\n[ \t]+/g, " ");
  return unfolded.split("\r\n").flatMap((line) => {
    const colon = line.indexOf(":");
    return colon < 1 ? [] : { name: line.slice(0, colon).trim(), value: line.slice(colon + 1).trim() };
  });
}
