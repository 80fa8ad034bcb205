import type { SipMessage } from "../sip/message.ts";
import { type Link, LinkError } from "./link.ts";
import { newBranch, newToken, okBytes, type RequestText, requestBytes } from "./request.ts";

/** RFC 3261 §17.1.1.1. */
const T1_MS = 500;

/**
 * Sends a request and waits for its final answer. Over UDP it is repeated (§17.1.1.2, §17.1.2.2); what the peer asks
 * meanwhile gets a 200.
 * @throws LinkError when the link breaks, or when no final answer comes in time
 */
export async function exchange(link: Link, request: RequestText, withinMs: number): Promise<SipMessage> {
  const bytes = requestBytes(request);
  const deadline = performance.now() + withinMs;
  let repeatAfter = link.transport === "udp" ? T1_MS : Number.POSITIVE_INFINITY;
  let repeatAt = performance.now() + repeatAfter;
  link.send(bytes);
  for (;;) {
    const now = performance.now();
    if (now >= deadline) throw new LinkError(`no answer to the ${request.method} within ${withinMs} ms`);
    const message = await link.next(Math.max(1, Math.min(deadline, repeatAt) - now));
    if (message === undefined) {
      if (performance.now() < repeatAt) continue;
      link.send(bytes);
      repeatAfter *= 2;
      repeatAt = performance.now() + repeatAfter;
    } else if (message.isRequest) {
      if (message.method !== "ACK") link.send(okBytes(message));
    } else if (message.topVia?.branch === request.branch && message.cseq?.method === request.method) {
      if (message.status >= 200) return message;
      repeatAt = Number.POSITIVE_INFINITY;
    }
  }
}

/**
 * Asks who is at the other end of the link: an OPTIONS that goes no further than the next hop (Max-Forwards 0), so that
 * a proxy answers it itself (§11, §16.3 step 3). Any answer means that somebody speaks SIP there.
 * @param host the name by which the peer is known
 */
export async function askOptions(link: Link, host: string, withinMs: number): Promise<SipMessage> {
  const uri = `sip:${host}`;
  const { transport, local } = link;
  return exchange(
    link,
    {
      method: "OPTIONS",
      uri,
      transport,
      local,
      branch: newBranch(),
      from: `<sip:waypost-doctor@${uriHostOf(local.address)}>;tag=${newToken()}`,
      to: `<${uri}>`,
      callId: newToken(),
      cseq: 1,
      maxForwards: 0,
      headers: ["Accept: application/sdp"],
    },
    withinMs,
  );
}

function uriHostOf(address: string): string {
  return address.includes(":") ? `[${address}]` : address;
}
