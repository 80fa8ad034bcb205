import { matchesIgnoringCase } from "../chars.ts";
import type { Flow, Listener } from "../flow.ts";
import { HeadEdit } from "../head-edit.ts";
import { Header } from "../header-names.ts";
import type { SipMessage } from "../message.ts";
import type { SelfIdentity } from "../self-identity.ts";
import { withSource } from "../via.ts";
import type { NamesOnPath } from "./environment.ts";
import { editRoutes, type NextHop, type RouteInformation } from "./routes.ts";
import { UDP_ONLY } from "./size-rule.ts";

/** Max-Forwards for a request that has none (§16.6 step 3). */
const DEFAULT_MAX_FORWARDS = 70;

export interface ForwardPlan {
  readonly inbound: Flow;
  readonly listener: Listener;
  /** Our Via value. */
  readonly via: string;
  readonly routes: RouteInformation;
  readonly hop: NextHop;
  readonly names: NamesOnPath;
  /** True where later requests of the dialog stay on UDP too, whatever their size. */
  readonly udpOnly: boolean;
}

/** The outgoing copy of a request (§16.6 steps 1 to 8 and 9's Content-Length). */
export function forwardRequest(request: SipMessage, plan: ForwardPlan, identity: SelfIdentity): string {
  const edit = HeadEdit.of(request);
  if (plan.hop.requestUri !== request.requestUri) {
    const start = request.method.length + 1;
    edit.replace(start, start + request.requestUri.length, plan.hop.requestUri);
  }
  let top = `Via: ${plan.via}\r\n`;
  const { header, inboundUser, outboundUser } = plan.names;
  if (header !== undefined) {
    const secure = matchesIgnoringCase(plan.hop.requestUri, 0, "sips:");
    // The two sides of us may differ: each side gets the name that it can reach (RFC 5658).
    top += `${header}: ${identity.routeUri(plan.listener, outboundUser, secure, plan.udpOnly ? `;${UDP_ONLY}` : "")}\r\n`;
    const { listener } = plan.inbound;
    if (inboundUser !== outboundUser || !identity.sameRoute(listener, plan.listener)) {
      top += `${header}: ${identity.routeUri(listener, inboundUser, secure)}\r\n`;
    }
  }
  edit.insert(request.headersStart, top);
  const via = request.topVia!;
  edit.replace(via.start, via.end, viaWithSource(request, plan.inbound));
  const { hopsLeft } = request;
  if (hopsLeft === undefined) edit.insert(request.headersEnd, `Max-Forwards: ${DEFAULT_MAX_FORWARDS}\r\n`);
  else {
    const at = request.find(Header.MaxForwards);
    edit.replace(request.index[at + 2]!, request.index[at + 3]!, String(hopsLeft - 1));
  }
  editRoutes(request, edit, plan.routes, plan.hop);
  edit.normalise();
  return edit.toString();
}

/** The top Via value of a request with its source written in (§18.2.1, RFC 3581 §4). */
function viaWithSource(request: SipMessage, inbound: Flow): string {
  return withSource(request.text, request.topVia!, inbound.remoteAddress, inbound.remotePort);
}
