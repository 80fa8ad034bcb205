import type { ProxyDecision } from "../decision.ts";
import type { Flow } from "../flow.ts";
import type { SipMessage } from "../message.ts";
import { rememberedUri } from "../uri.ts";
import type { ProxyEnvironment } from "./environment.ts";
import type { NextHop, RouteInformation } from "./routes.ts";
import { TargetSet } from "./target-set.ts";

/** A request to be proxied, and all that was found out about it. */
export interface ProxyJob {
  readonly request: SipMessage;
  readonly inbound: Flow;
  readonly routes: RouteInformation;
  readonly loopHash: string;
  /** The tag for responses that we make ourselves. */
  readonly toTag: string;
  /** Undefined for a request that follows the route set of a dialog. */
  readonly decision: ProxyDecision | undefined;
  /** The connection to the next hop, when a Route of ours named one that is still open. */
  readonly flow: Flow | undefined;
}

/** Where the request may go (§16.5). @param followed the next hop by its route set, or by the Request-URI without one */
export function targetsOf(
  environment: ProxyEnvironment,
  { request, decision, flow, routes }: ProxyJob,
  followed: NextHop | undefined,
): TargetSet {
  const purpose = {
    anyTransport: decision !== undefined,
    affinity: request.callId,
    inDialog: decision === undefined,
  };
  if (flow !== undefined && routes.routes.length === 0) {
    const target = {
      transport: flow.transport,
      address: flow.remoteAddress,
      port: flow.remotePort,
      host: flow.remoteAddress,
    };
    return new TargetSet(environment, purpose, [], [{ target, flow }]);
  }
  if (decision === undefined) {
    return new TargetSet(environment, purpose, followed === undefined ? [] : [followed.uri]);
  }
  const uris = decision.nextHops.map(rememberedUri).filter((uri) => uri !== undefined);
  return new TargetSet(environment, purpose, uris);
}
