import type { Message } from "../support/sip-text.ts";
import type { Link } from "./sip-node.ts";

let counter = 0;

/** What a caller says in its INVITE. */
export interface InviteOptions {
  /** The legacy address that is dialled. */
  readonly to: string;
  readonly callId?: string;
  /** Further header lines. */
  readonly headers?: readonly string[];
}

/** An INVITE of a caller who is reached at `link.local`. */
export function invite(link: Link, { to, callId = newCallId(), headers = [] }: InviteOptions): string {
  return text([
    `INVITE ${to} SIP/2.0`,
    via(link),
    "Max-Forwards: 70",
    "From: <sip:alice@contoso.com>;tag=c1",
    `To: <${to}>`,
    `Call-ID: ${callId}`,
    "CSeq: 1 INVITE",
    `Contact: ${contact("alice", link)}`,
    ...headers,
  ]);
}

/** A request of the caller in the dialog that this 2xx to its INVITE opened (RFC 3261 §12.2.1.1). */
export function inDialog(link: Link, method: string, sequence: number, ok: Message): string {
  return text([
    `${method} ${uriIn(ok.one("Contact"))} SIP/2.0`,
    via(link),
    ...ok
      .list("Record-Route")
      .reverse()
      .map((route) => `Route: ${route}`),
    "Max-Forwards: 70",
    `From: ${ok.one("From")}`,
    `To: ${ok.one("To")}`,
    `Call-ID: ${ok.one("Call-ID")}`,
    `CSeq: ${sequence} ${method}`,
  ]);
}

/** A request of the called side in the dialog that it opened with this answer to the INVITE. */
export function backInDialog(link: Link, method: string, sequence: number, invite: Message, toTag: string): string {
  return text([
    `${method} ${uriIn(invite.one("Contact"))} SIP/2.0`,
    via(link),
    ...invite.list("Record-Route").map((route) => `Route: ${route}`),
    "Max-Forwards: 70",
    `From: ${invite.one("To")};tag=${toTag}`,
    `To: ${invite.one("From")}`,
    `Call-ID: ${invite.one("Call-ID")}`,
    `CSeq: ${sequence} ${method}`,
  ]);
}

/** The ACK to a final answer other than 2xx, which belongs to the INVITE's transaction (RFC 3261 §17.1.1.3). */
export function ackFor(sent: Message, answer: Message): string {
  return text([
    `ACK ${sent.requestUri} SIP/2.0`,
    `Via: ${sent.list("Via")[0]}`,
    "Max-Forwards: 70",
    `From: ${sent.one("From")}`,
    `To: ${answer.one("To")}`,
    `Call-ID: ${sent.one("Call-ID")}`,
    "CSeq: 1 ACK",
  ]);
}

/** The Contact of a user who is reached over a link. */
export function contact(user: string, link: Link): string {
  return `<sip:${user}@${link.local};transport=${link.transport}>`;
}

export function newCallId(): string {
  return `live-${process.pid}-${counter++}`;
}

function via({ transport, local }: Link): string {
  return `Via: SIP/2.0/${transport.toUpperCase()} ${local};branch=z9hG4bK-${process.pid}-${counter++};rport`;
}

function uriIn(nameAddr: string): string {
  return /<([^>]*)>/.exec(nameAddr)![1]!;
}

function text(lines: readonly string[]): string {
  return `${lines.join("\r\n")}\r\nContent-Length: 0\r\n\r\n`;
}

/** The CANCEL of an INVITE: its Via and its identity (RFC 3261 §9.1). */
export function cancelOf(inviteText: string): string {
  return inviteText
    .replace(/^INVITE/, "CANCEL")
    .replace("1 INVITE", "1 CANCEL")
    .replace(/^Contact: .*\r\n/m, "");
}
