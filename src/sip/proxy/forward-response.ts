import { isLws } from "../chars.ts";
import { HeadEdit } from "../head-edit.ts";
import { Header } from "../header-names.ts";
import type { SipMessage } from "../message.ts";

/**
 * Why a response to our branch would be none to the caller, as the rest of a sentence that starts with its status:
 * there is no Via below ours to lead it on, or its CSeq is not that of the request. Undefined for one that is as it
 * should be.
 * @param cseq the number in the CSeq of the request
 */
export function strandedBy(response: SipMessage, cseq: number): string | undefined {
  // DEVIATION: §16.7 would pass it on; no caller takes it, and so would wait although the next server may answer.
  if (response.cseq!.number !== cseq) return "with another CSeq than the request's";
  const at = response.find(Header.Via);
  const hasLower = response.topVia!.end < response.index[at + 3]! || response.findNext(at) >= 0;
  return hasLower ? undefined : "without the Via of the caller";
}

/** The upstream copy of a response: without our Via, else as it came (§16.7 step 3). Undefined when no Via would be left. */
export function forwardResponse(response: SipMessage): string | undefined {
  const at = response.find(Header.Via);
  const via = response.topVia!;
  const edit = HeadEdit.of(response);
  const lineEnd = response.index[at + 3]!;
  if (via.end < lineEnd) {
    let next = via.end + 1;
    while (next < lineEnd && isLws(response.text.charCodeAt(next))) next++;
    edit.replace(via.start, next, "");
  } else {
    if (response.findNext(at) < 0) return undefined;
    edit.replace(response.lineStart(at), response.lineEnd(at), "");
  }
  edit.normalise();
  return edit.toString();
}
