import type { Flow } from "../flow.ts";
import type { SipMessage } from "../message.ts";
import type { ProxyEnvironment } from "./environment.ts";
import { forwardRequest } from "./forward-request.ts";
import { nextHopOf, type RouteInformation } from "./routes.ts";

/** Sends the ACK of a 2xx on along its route set, without a transaction (§16.6 with §16.11). */
export function forwardAck(
  request: SipMessage,
  inbound: Flow,
  routes: RouteInformation,
  loopHash: string,
  environment: ProxyEnvironment,
): void {
  const hop = nextHopOf(routes);
  if (hop === undefined) return;
  environment.locate(hop.uri, (result) => {
    const target = result.ok ? result.targets[0] : undefined;
    if (target === undefined) return;
    const { identity } = environment;
    const listener = identity.listenerFor(target, inbound, routes.outbound);
    const branch = environment.newBranch(loopHash);
    const plan = { inbound, listener, transport: target.transport, branch, routes, hop, recordRoute: false };
    environment.send(environment.connect(target, listener), forwardRequest(request, plan, identity));
  });
}
