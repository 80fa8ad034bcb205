import { Header } from "../header-names.ts";
import type { SipMessage } from "../message.ts";
import type { SelfIdentity } from "../self-identity.ts";
import { parseVia } from "../via.ts";

/** Every branch of ours starts so; the loop hash and a counter follow. */
export const BRANCH_PREFIX = "z9hG4bK.";

/** True when a Via of ours in the request carries the same hash: we sent this very request before (§16.3 step 4). */
export function isLoop(request: SipMessage, hash: string, identity: SelfIdentity): boolean {
  const { text } = request;
  // A request that has passed through us has a Via above ours, or ours alone.
  if (hasOneVia(request) && request.topVia!.branch?.startsWith(BRANCH_PREFIX) !== true) return false;
  const mark = `${BRANCH_PREFIX}${hash}.`;
  // The hash is keyed, so this text stands in a request only when we wrote it, or when somebody copied it.
  if (text.indexOf(mark) < 0) return false;
  for (let i = request.find(Header.Via); i >= 0; i = request.findNext(i)) {
    const end = request.index[i + 3]!;
    for (let start = request.index[i + 2]!; start < end; ) {
      const via = parseVia(text, start, end);
      if (via === undefined) break;
      if (via.branch?.startsWith(mark) && identity.isOwnSentBy(via.host, via.port)) return true;
      start = via.end + 1;
    }
  }
  return false;
}

function hasOneVia(request: SipMessage): boolean {
  const line = request.find(Header.Via);
  return request.topVia!.end === request.index[line + 3] && request.findNext(line) < 0;
}
