import type { SipMessage } from "../message.ts";
import { hasMagicCookie, type Via } from "../via.ts";

/**
 * The key under which a request's server transaction is kept (§17.2.3): the topmost Via alone where its branch is
 * unique, else the fields of RFC 2543; Microsoft clients send Vias without a branch. An ACK has the key of its INVITE.
 * @param method the method to look for, where it is not the request's own (CANCEL looks for its INVITE)
 */
export function serverKey(request: SipMessage, method = request.method): string {
  const via = request.topVia!;
  const byBranch = branchKey(method, via);
  if (byBranch !== undefined) return byBranch;
  const ofMethod = method === "ACK" ? "INVITE" : method;
  // The ACK of a failed INVITE has a To tag that its INVITE had not.
  const toTag = ofMethod === "INVITE" ? "" : (request.to!.tag ?? "");
  return `${request.callId} ${request.cseq!.number} ${request.from!.tag ?? ""} ${toTag} ${request.requestUri} ${request.text.slice(via.start, via.end)} ${ofMethod}`;
}

/** The key of a request by its topmost Via alone; undefined where its branch is not unique. */
export function branchKey(method: string, via: Via): string | undefined {
  const { branch } = via;
  if (branch === undefined || !hasMagicCookie(branch)) return undefined;
  return `${branch} ${via.host}:${via.port ?? ""} ${method === "ACK" ? "INVITE" : method}`;
}

/** The key of a client transaction (§17.1.3): our branch, and whether it is the CANCEL that shares it. */
export function clientKey(branch: string, method: string): string {
  return method === "CANCEL" ? `${branch} CANCEL` : branch;
}
