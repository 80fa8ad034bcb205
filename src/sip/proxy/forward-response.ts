import { HeadEdit } from "../head-edit.ts";
import { Header } from "../header-names.ts";
import type { SipMessage } from "../message.ts";

/** The upstream copy of a response: without our Via, else as it came (§16.7 step 3). Undefined when no Via would be left. */
export function forwardResponse(response: SipMessage): Buffer | undefined {
  const at = response.find(Header.Via);
  const via = response.topVia!;
  const edit = new HeadEdit(response);
  if (via.end < response.index[at + 3]!) edit.replace(via.start, via.end + 1, "");
  else {
    if (response.find(Header.Via, at + 4) < 0) return undefined;
    edit.replace(response.lineStart(at), response.lineEnd(at), "");
  }
  edit.normalise();
  return edit.toBytes();
}
