import { addressKey } from "../endpoints/address-key.ts";
import { uriHost } from "../endpoints/host.ts";
import type { Endpoint } from "../endpoints/model.ts";
import type { EndpointTable } from "../endpoints/table.ts";
import type { Decision, ProxyDecision, RejectDecision, RoutingRequest } from "../sip/decision.ts";

export interface RoutingOptions {
  /** What happens to an address that is no endpoint: 404, or on to this SIP URI. */
  readonly defaultRoute: "reject" | { readonly proxy: string };
  /** The legacy address that a Request-URI names by the Contact which was registered for it. Asked where no row has the URI. */
  readonly registeredAs?: (requestUri: string) => string | undefined;
}

/**
 * Where a request goes. Pure: the same request, table and options give the same decision. It runs for every request
 * outside a dialog, so a row's decision is worked out once and handed out again and again.
 */
export function decide(request: RoutingRequest, table: EndpointTable, options: RoutingOptions): Decision {
  if (request.trust === "none") return refused(`${request.sourceAddress} is not trusted here`);
  const key = addressKey(request.requestUri);
  const entry = key === undefined ? undefined : table.entry(key);
  if (entry === undefined) {
    const address = options.registeredAs?.(request.requestUri);
    return address === undefined ? toStranger(request, key, options) : byContact(address, request, table, options);
  }
  const plan = (entry.plan ??= makePlan(entry.endpoint)) as Plan;
  if ("decision" in plan) {
    return plan.decision;
  }
  const uris = plan.hosts.map((host) => `sip:${userOf(request.requestUri)}@${host}`);
  return plan.redirectStatus === undefined
    ? { kind: "proxy", nextHops: plan.nextHops, requestUri: uris[0]!, endpoint: plan.endpoint, ...plan.failover }
    : { kind: "redirect", status: plan.redirectStatus, contacts: uris, endpoint: plan.endpoint };
}

/** A request that a registrar has sent to our Contact: as if its address had been dialled, also for whoever is next. */
function byContact(address: string, request: RoutingRequest, table: EndpointTable, options: RoutingOptions): Decision {
  const { defaultRoute } = options;
  const decision = decide({ ...request, requestUri: address }, table, { defaultRoute });
  return decision.kind === "proxy" && decision.requestUri === undefined
    ? { ...decision, requestUri: address }
    : decision;
}

/** A row's answer: complete, or with the user part still to be filled in as it was dialled. */
type Plan =
  | { readonly decision: Decision }
  | {
      readonly endpoint: string;
      readonly nextHops: readonly string[];
      /** What stands behind `user@`, for the pool and then for the backup pool. */
      readonly hosts: readonly string[];
      readonly redirectStatus: 302 | 303 | undefined;
      readonly failover: Pick<ProxyDecision, "failoverOn">;
    };

function makePlan(row: Endpoint): Plan {
  const endpoint = row.sipAddress;
  if (row.retired !== undefined) {
    return { decision: retired(endpoint, row.retired, row.retiredReason) };
  }
  if (!row.enabled) {
    return { decision: disabled(endpoint) };
  }
  const port = row.port === undefined ? "" : `:${row.port}`;
  const transport = row.transport === "auto" ? "" : `;transport=${row.transport}`;
  const pools = row.backupPool === undefined ? [row.poolFqdn] : [row.poolFqdn, row.backupPool];
  const hosts = pools.map((pool) => uriHost(pool) + port + transport);
  const nextHops = hosts.map((host) => `sip:${host}`);
  const failover = row.failoverOn === undefined ? {} : { failoverOn: row.failoverOn.split(",").map(Number) };
  if (row.mode === "proxy" && row.requestUri === "keep") {
    const decision: ProxyDecision = { kind: "proxy", nextHops, endpoint, ...failover };
    return { decision };
  }
  const redirectStatus = row.mode === "redirect" ? row.redirectStatus : undefined;
  return { endpoint, nextHops, hosts, redirectStatus, failover };
}

/** The URIs to which calls of this row are proxied, in order; none where it answers itself. */
export function nextHopsOf(row: Endpoint): readonly string[] {
  const plan = makePlan(row);
  if (!("decision" in plan)) return plan.redirectStatus === undefined ? plan.nextHops : [];
  return plan.decision.kind === "proxy" ? plan.decision.nextHops : [];
}

/** RFC 3261 §21.4.18: the address is right, but it is not to be reached for now. */
function disabled(endpoint: string): RejectDecision {
  return {
    kind: "reject",
    status: 480,
    reason: "Temporarily Unavailable",
    explanation: `endpoint ${endpoint} is disabled`,
    endpoint,
  };
}

/** RFC 3261 §21.4.10 (410) or §21.4.5 (404): the address is no more. The decision names it, so that its callers are still seen. */
function retired(endpoint: string, status: 404 | 410, reason: string | undefined): RejectDecision {
  return {
    kind: "reject",
    status,
    reason: status === 410 ? "Gone" : "Not Found",
    explanation: `endpoint ${endpoint} is retired${reason === undefined ? "" : `: ${reason}`}`,
    endpoint,
  };
}

/** RFC 3261 §21.4.4: no credentials would help. */
function refused(explanation: string): RejectDecision {
  return { kind: "reject", status: 403, reason: "Forbidden", explanation };
}

function toStranger(request: RoutingRequest, key: string | undefined, options: RoutingOptions): Decision {
  if (options.defaultRoute !== "reject" && request.trust === "endpoints") {
    return refused(`${dialled(key)} is no endpoint here and ${request.sourceAddress} may call nothing else`);
  }
  if (options.defaultRoute !== "reject") {
    return { kind: "proxy", nextHops: [options.defaultRoute.proxy] };
  }
  return {
    kind: "reject",
    status: 404,
    reason: "Not Found",
    explanation: `${dialled(key)} is no endpoint here and there is no default route`,
  };
}

/** The user part as dialled, without a password; only for a URI that has a key, which starts with its scheme. */
function userOf(uri: string): string {
  const start = uri.indexOf(":") + 1;
  const at = uri.indexOf("@", start);
  const colon = uri.indexOf(":", start);
  return uri.slice(start, colon >= 0 && colon < at ? colon : at);
}

/** The dialled address for an explanation, not longer than a header line should be. */
function dialled(key: string | undefined): string {
  return key === undefined ? "the Request-URI" : `sip:${key.slice(0, 120)}`;
}
