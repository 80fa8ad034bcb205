import { sip } from "../support/sip-text.ts";

/** Where things stand in these tests. */
export const FRONT_END = "10.1.0.1";
export const CLIENT = "10.1.4.23";
export const POOL = "10.2.0.1";
export const POOL_2 = "10.2.0.2";
export const POOL_3 = "10.2.0.3";

/** Names that resolve in these tests. */
export const NAMES = {
  "fe01.contoso.com": [`udp:${FRONT_END}:5060`],
  "pcpool.contoso.com": [`udp:${POOL}:5060`],
} as const;

interface RequestParts {
  readonly uri?: string;
  readonly transport?: string;
  readonly sentBy?: string;
  readonly branch?: string;
  readonly callId?: string;
  readonly cseq?: number;
  readonly to?: string;
  readonly headers?: string;
}

/** The look-up INVITE as a front end passes it on: its own Via on top of the client's, which has no branch. */
export function lookupInvite(parts: RequestParts = {}): string {
  return request("INVITE", {
    headers: "Contact: <sip:alice@contoso.com;opaque=user:epid:b514060a2da2;gruu>\r\n",
    ...parts,
  });
}

/** A request to the legacy address from a front end; `headers` are whole lines. */
export function request(method: string, parts: RequestParts = {}): string {
  const {
    uri = "sip:ocschat@contoso.com",
    transport = "UDP",
    sentBy = `${FRONT_END}:5060`,
    branch = `z9hG4bKfe-${method}-${parts.cseq ?? 1}`,
    callId = "1367g8DF2a6511i08BBm61D9t91D9b9F7CxD11Bx",
    cseq = 1,
    to = "<sip:ocschat@contoso.com>",
    headers = "",
  } = parts;
  return sip`
    ${method} ${uri} SIP/2.0
    Via: SIP/2.0/${transport} ${sentBy};branch=${branch}
    Via: SIP/2.0/tls 10.1.4.23:50312
    From: <sip:alice@contoso.com>;tag=1182052772;epid=c97532c1946f
    To: ${to}
    Max-Forwards: 69
    Call-ID: ${callId}
    CSeq: ${cseq} ${method}
    ${headers}Content-Length: 0
  `;
}

/** A request from the client inside the dialog; its Route starts with us. */
export function inDialog(method: string, parts: RequestParts & { readonly route?: string } = {}): string {
  const { route = "<sip:gw.contoso.com:5060;transport=udp;lr>", headers = "" } = parts;
  return request(method, {
    uri: "sip:pcpool.contoso.com",
    to: "<sip:ocschat@contoso.com>;tag=1347777be4",
    cseq: 2,
    ...parts,
    headers: `Route: ${route}\r\n${headers}`,
  });
}

/** A request from the pool inside the dialog, down the route set to the front end that the client sits behind. */
export function fromPool(method: string, parts: { cseq?: number; transport?: string; route?: string } = {}): string {
  const { cseq = 1, transport = "UDP" } = parts;
  const { route = "<sip:gw.contoso.com:5060;transport=udp;lr>, <sip:fe01.contoso.com:5060;opaque=state:T:F;lr>" } =
    parts;
  return sip`
    ${method} sip:alice@contoso.com;opaque=user:epid:b514060a2da2;gruu SIP/2.0
    Via: SIP/2.0/${transport} ${POOL}:5060;branch=z9hG4bKpool-${method}-${cseq}
    Route: ${route}
    From: <sip:OCSChat@contoso.com>;tag=1347777be4
    To: <sip:alice@contoso.com>;tag=1182052772;epid=c97532c1946f
    Max-Forwards: 70
    Call-ID: 1367g8DF2a6511i08BBm61D9t91D9b9F7CxD11Bx
    CSeq: ${cseq} ${method}
    Content-Length: 0
  `;
}

/** The ACK of a non-2xx answer as the front end makes it: same Via, same Request-URI, the answer's To. */
export function ackOfFailure(invite: string, to: string): string {
  return invite
    .replace(/^INVITE/, "ACK")
    .replace("1 INVITE", "1 ACK")
    .replace(/^To: .*$/m, `To: ${to}`);
}
