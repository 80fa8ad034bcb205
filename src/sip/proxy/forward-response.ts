import { skipLws } from "../chars.ts";
import { HeadEdit } from "../head-edit.ts";
import { INDEX_STRIDE } from "../header-lines.ts";
import { Header } from "../header-names.ts";
import type { SipMessage } from "../message.ts";

/** True when a Via stands below ours, so that the response has somewhere to go. */
export function hasLowerVia(response: SipMessage): boolean {
  const at = response.find(Header.Via);
  return response.topVia!.end < response.index[at + 3]! || response.find(Header.Via, at + INDEX_STRIDE) >= 0;
}

/** The upstream copy of a response: without our Via, else as it came (§16.7 step 3). Undefined when no Via would be left. */
export function forwardResponse(response: SipMessage): string | undefined {
  const at = response.find(Header.Via);
  const via = response.topVia!;
  const edit = HeadEdit.of(response);
  const lineEnd = response.index[at + 3]!;
  if (via.end < lineEnd) edit.replace(via.start, skipLws(response.head, via.end + 1, lineEnd), "");
  else {
    if (response.find(Header.Via, at + INDEX_STRIDE) < 0) return undefined;
    edit.replace(response.lineStart(at), response.lineEnd(at), "");
  }
  edit.normalise();
  return edit.toString();
}
