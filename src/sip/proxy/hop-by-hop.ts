import { Header } from "../header-names.ts";
import type { SipMessage } from "../message.ts";
import type { NextHop } from "./routes.ts";

/** What an INVITE that we forwarded has in common with the ACK and the CANCEL that we send for it. */
export interface ForwardedInvite {
  readonly request: SipMessage;
  /** Our Via value on it. */
  readonly via: string;
  readonly hop: NextHop;
}

/** The ACK of a non-2xx final response (§17.1.1.3): To as in the response, the rest as in the INVITE. */
export function buildAck(invite: ForwardedInvite, response: SipMessage): string {
  return build("ACK", invite, response.value(Header.To)!, "");
}

/** The CANCEL of a forwarded INVITE (§9.1). `reason` is the Reason value of the caller's CANCEL (RFC 3326), if any. */
export function buildCancel(invite: ForwardedInvite, reason: string | undefined): string {
  return build("CANCEL", invite, invite.request.value(Header.To)!, reason === undefined ? "" : `Reason: ${reason}\r\n`);
}

function build(method: "ACK" | "CANCEL", invite: ForwardedInvite, to: string, extra: string): string {
  const { request, hop } = invite;
  const routes = hop.routes.map((value) => `Route: ${value}\r\n`).join("");
  return (
    `${method} ${hop.requestUri} SIP/2.0\r\nVia: ${invite.via}\r\nMax-Forwards: 70\r\n${routes}` +
    `From: ${request.value(Header.From)!}\r\nTo: ${to}\r\nCall-ID: ${request.callId}\r\n` +
    `CSeq: ${request.cseq!.number} ${method}\r\n${extra}Content-Length: 0\r\n\r\n`
  );
}
