import { skipLws } from "../../grammar/grammar.ts";
import type { Listener } from "../flow.ts";
import type { HeadEdit } from "../head-edit.ts";
import { Header } from "../header-names.ts";
import type { SipMessage } from "../message.ts";
import { parseNameAddr } from "../name-addr.ts";
import type { OwnRoute, SelfIdentity } from "../self-identity.ts";
import { type SipUri, uriParam } from "../uri.ts";
import { RouteValue } from "./route-value.ts";

/** A request's Request-URI and Route values after RFC 3261 §16.4. */
export interface RouteInformation {
  /** The Request-URI after the repair for strict routers. */
  readonly requestUri: string;
  /** The same taken apart; undefined where it is no SIP URI. */
  readonly uri: SipUri | undefined;
  /** The Route values that are left. */
  readonly routes: readonly RouteValue[];
  /** All values that arrived. */
  readonly arrived: readonly RouteValue[];
  /** True when the topmost Route was ours: the request follows a route set that we are in. */
  readonly throughUs: boolean;
  /** The user parts of the Routes of ours that were taken off, topmost first; our token is in there. */
  readonly ourUsers: readonly (string | undefined)[];
  /** The listener that the last of our Routes names: the side on which the request has to leave. */
  readonly outbound: Listener | undefined;
}

/** Applies §16.4: undoes strict routing and takes our own Routes off the top. Undefined when a Route is malformed. */
export function preprocessRoutes(request: SipMessage, identity: SelfIdentity): RouteInformation | undefined {
  const first = request.find(Header.Route);
  if (first < 0)
    return {
      requestUri: request.requestUri,
      uri: request.uri,
      routes: NO_ROUTES,
      arrived: NO_ROUTES,
      throughUs: false,
      ourUsers: NO_USERS,
      outbound: undefined,
    };
  const arrived = readRoutes(request, first);
  if (arrived === undefined) return undefined;
  let { requestUri, uri } = request;
  let routes: RouteValue[] = arrived;
  const ourUsers: (string | undefined)[] = [];
  // A strict router before us put our Record-Route value into the Request-URI and the real one at the end.
  if (uri !== undefined && uriParam(uri, "lr") !== undefined && identity.isSelf(uri)) {
    ourUsers.push(uri.user);
    ({ uri: requestUri, sip: uri } = arrived[arrived.length - 1]!);
    routes = arrived.slice(0, -1);
  }
  let outbound: Listener | undefined;
  let ours = 0;
  for (const route of routes) {
    const own = identity.writtenRoute(request.text, route.uriStart, route.uriEnd) ?? respelledRoute(route, identity);
    if (own === undefined) break;
    outbound = own.listener;
    ourUsers.push(own.user);
    ours++;
  }
  if (ours > 0) routes = routes.slice(ours);
  return { requestUri, uri, routes, arrived, throughUs: ourUsers.length > 0, ourUsers, outbound };
}

/** A Route of ours that somebody has written in another way. */
function respelledRoute({ sip }: RouteValue, identity: SelfIdentity): OwnRoute | undefined {
  if (sip === undefined || !identity.isSelf(sip)) return undefined;
  return { listener: identity.listenerNamed(sip), user: sip.user };
}

const NO_ROUTES: readonly RouteValue[] = [];
const NO_USERS: readonly undefined[] = [];

function readRoutes(request: SipMessage, first: number): RouteValue[] | undefined {
  const values: RouteValue[] = [];
  for (let line = first; line >= 0; line = request.findNext(line)) {
    const end = request.index[line + 3]!;
    for (let start = request.index[line + 2]!; start < end; ) {
      const value = parseNameAddr(request.text, start, end);
      if (value === undefined) return undefined;
      values.push(new RouteValue(request.text, line, start, value));
      start = skipLws(value.end + 1, end);
    }
  }
  return values.length === 0 ? undefined : values;
}

/** Where a request goes after §16.6 steps 5 and 6: the URI to locate, and what is written for it. */
export interface NextHop {
  readonly uri: SipUri;
  readonly requestUri: string;
  /** The Route values to send, each as it stands in a header. */
  readonly routes: readonly string[];
  /** True when the Route headers cannot simply be shortened at the top. */
  readonly rewritten: boolean;
}

/**
 * The next hop along the route set. A first Route without `lr` is a strict router: its URI becomes the Request-URI
 * and the Request-URI goes to the end (§16.6 step 6). Undefined when the URI to follow is no SIP URI.
 */
export function nextHopOf(info: RouteInformation): NextHop | undefined {
  const routes = info.routes.length === 0 ? NO_TEXTS : info.routes.map((route) => route.text);
  const repaired =
    info.routes.length > 0 && info.routes[info.routes.length - 1] !== info.arrived[info.arrived.length - 1];
  const top = info.routes[0];
  const uri = top === undefined ? info.uri : top.sip;
  if (uri === undefined) return undefined;
  if (top !== undefined && uriParam(uri, "lr") === undefined) {
    return { uri, requestUri: top.uri, routes: [...routes.slice(1), `<${info.requestUri}>`], rewritten: true };
  }
  return { uri, requestUri: info.requestUri, routes, rewritten: repaired };
}

const NO_TEXTS: readonly string[] = [];

/** Brings the Route headers of the outgoing request into line with `hop`. */
export function editRoutes(request: SipMessage, edit: HeadEdit, info: RouteInformation, hop: NextHop): void {
  if (info.arrived.length === 0) return;
  if (hop.rewritten) {
    const first = request.find(Header.Route);
    edit.insert(request.lineStart(first), hop.routes.map((value) => `Route: ${value}\r\n`).join(""));
  }
  for (let line = request.find(Header.Route); line >= 0; line = request.findNext(line)) {
    const kept = hop.rewritten ? undefined : info.routes.find((route) => route.line === line);
    if (kept === undefined) edit.replace(request.lineStart(line), request.lineEnd(line), "");
    else if (kept.start > request.index[line + 2]!) edit.replace(request.index[line + 2]!, kept.start, "");
  }
}
