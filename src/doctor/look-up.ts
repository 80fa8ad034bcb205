import { hostPort } from "../address.ts";
import type { SipMessage } from "../sip/message.ts";
import { exchange } from "./exchange.ts";
import type { Link } from "./link.ts";
import { headerValues, listEntries, newBranch, newToken, type RequestText, requestBytes } from "./request.ts";

/** The call that a legacy client makes to look its contact up. */
export interface LookUp {
  /** Request-URI. */
  readonly uri: string;
  /** The address that is dialled. */
  readonly to: string;
  /** SIP address of the test identity. */
  readonly from: string;
}

/**
 * Sets a look-up dialog up and ends it at once: INVITE, ACK, BYE (RFC 3261 §13, §15).
 * @returns the final answer to the INVITE, and to the BYE where there was one
 * @throws LinkError when the link breaks or no answer comes in time
 */
export async function lookUp(
  link: Link,
  call: LookUp,
  withinMs: number,
): Promise<{ invite: SipMessage; bye?: SipMessage }> {
  const { transport, local } = link;
  const from = `<${call.from}>;tag=${newToken()};epid=${newToken().slice(0, 12)}`;
  const invite: RequestText = {
    method: "INVITE",
    uri: call.uri,
    transport,
    local,
    branch: newBranch(),
    from,
    to: `<${call.to}>`,
    callId: newToken(),
    cseq: 1,
    maxForwards: 70,
    headers: [
      `Contact: <sip:waypost-doctor@${hostPort(local.address, local.port)};transport=${transport}>`,
      "Content-Type: application/sdp",
    ],
    body: sessionDescription(local.address),
  };
  let answer: SipMessage;
  try {
    answer = await exchange(link, invite, withinMs);
  } catch (error) {
    // §9.1: nobody shall ring on for a test.
    link.send(requestBytes({ ...bare(invite), method: "CANCEL" }));
    throw error;
  }
  const to = headerValues(answer, "To")[0] ?? invite.to;
  if (answer.status >= 300) {
    // §17.1.1.3: this ACK belongs to the transaction of the INVITE.
    link.send(requestBytes({ ...bare(invite), method: "ACK", to }));
    return { invite: answer };
  }
  const contact = listEntries(headerValues(answer, "Contact"))[0] ?? "";
  const dialog: RequestText = {
    ...bare(invite),
    uri: /<([^>]*)>/.exec(contact)?.[1] ?? (contact.split(";")[0] || invite.uri),
    to,
    routes: listEntries(headerValues(answer, "Record-Route")).reverse(),
  };
  link.send(requestBytes({ ...dialog, method: "ACK", branch: newBranch() }));
  const bye = await exchange(link, { ...dialog, method: "BYE", cseq: 2, branch: newBranch() }, withinMs);
  return { invite: answer, bye };
}

function bare({ headers: _headers, body: _body, ...rest }: RequestText): RequestText {
  return rest;
}

/** One m=message line, as legacy clients offer it; there is no media path. */
function sessionDescription(address: string): string {
  const family = address.includes(":") ? "IP6" : "IP4";
  const lines = [
    "v=0",
    `o=- 0 0 IN ${family} ${address}`,
    "s=session",
    `c=IN ${family} ${address}`,
    "t=0 0",
    "m=message 5061 sip null",
    "a=accept-types:text/plain",
  ];
  return `${lines.join("\r\n")}\r\n`;
}
