import type { Flow, Target } from "../flow.ts";
import { Header } from "../header-names.ts";
import type { SipMessage } from "../message.ts";
import type { SelfIdentity } from "../self-identity.ts";
import type { ProxyEnvironment } from "./environment.ts";
import { forwardRequest } from "./forward-request.ts";
import { checkRequest } from "./request-checks.ts";
import { nextHopOf, preprocessRoutes, type RouteInformation } from "./routes.ts";

/**
 * The route set of an ACK that no transaction takes, where it leads further through us: that of a 2xx (§16.6, §13.2.2.4).
 * All others are those of our own stateless answers (§8.2.7), or stray.
 */
export function routesOfAck(request: SipMessage, identity: SelfIdentity): RouteInformation | undefined {
  if (request.find(Header.Route) < 0) return undefined;
  const routes = preprocessRoutes(request, identity);
  const onItsWay =
    routes?.throughUs && (routes.routes.length > 0 || routes.uri === undefined || !identity.isSelf(routes.uri));
  const isWhole = request.to?.tag !== undefined && checkRequest(request) === undefined;
  return onItsWay && isWhole ? routes : undefined;
}

/** Sends the ACK of a 2xx on along its route set, without a transaction (§16.6 with §16.11). */
export function forwardAck(
  request: SipMessage,
  inbound: Flow,
  routes: RouteInformation,
  loopHash: string,
  flow: Flow | undefined,
  environment: ProxyEnvironment,
): void {
  const hop = nextHopOf(routes);
  if (hop === undefined) return;
  const { identity } = environment;
  const send = (out: Flow | undefined, target: Target): void => {
    const listener = out?.listener ?? identity.listenerFor(target, inbound, routes.outbound);
    const via = identity.viaValue(listener, target.transport, environment.newBranch(loopHash));
    // DEVIATION: §18.1.1 is not followed for the ACK of a 2xx: without a transaction nobody would notice a refused TCP.
    const plan = { inbound, listener, via, routes, hop, names: NOT_RECORDED, udpOnly: false };
    environment.send(out ?? environment.connect(target, listener), forwardRequest(request, plan, identity));
  };
  if (flow !== undefined && routes.routes.length === 0) {
    const { transport, remoteAddress, remotePort } = flow;
    send(flow, { transport, address: remoteAddress, port: remotePort, host: remoteAddress });
    return;
  }
  const purpose = { anyTransport: false, affinity: request.callId, inDialog: true };
  environment.locate(hop.uri, purpose, (result) => {
    const target = result.ok ? result.targets[0] : undefined;
    if (target !== undefined) send(undefined, target);
  });
}

const NOT_RECORDED = { header: undefined, inboundUser: "", outboundUser: "" } as const;
