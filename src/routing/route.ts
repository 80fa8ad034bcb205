import { addressKey } from "../endpoints/address-key.ts";
import { uriHost } from "../endpoints/host.ts";
import type { EndpointTable } from "../endpoints/table.ts";
import type { TreatmentSettings } from "../endpoints/treatments.ts";
import type { Decision, RejectDecision, RoutingRequest } from "../sip/decision.ts";

export interface RoutingOptions {
  /** What happens to an address that is no endpoint: 404, or on to this SIP URI. */
  readonly defaultRoute: "reject" | { readonly proxy: string };
  /** The legacy address that a Request-URI names by the Contact which was registered for it. Asked where no row has the URI. */
  readonly registeredAs?: (requestUri: string) => string | undefined;
}

/**
 * Where a request goes. Pure: the same request, table and options give the same decision. It runs for every request
 * outside a dialog, so what the rows of one treatment have in common is worked out once.
 */
export function decide(request: RoutingRequest, table: EndpointTable, options: RoutingOptions): Decision {
  if (request.trust === "none") return refused(`${request.sourceAddress} is not trusted here`);
  const key = addressKey(request.requestUri);
  const row = key === undefined ? undefined : table.findForCall(key);
  if (row === undefined) {
    const address = options.registeredAs?.(request.requestUri);
    return address === undefined ? toStranger(request, key, options) : byContact(address, request, table, options);
  }
  const { sipAddress: endpoint, treatment } = row;
  const plan = (treatment.plan ??= makePlan(treatment.settings)) as Plan;
  if ("refusal" in plan) {
    return { ...plan.refusal, explanation: `endpoint ${endpoint} ${plan.refusal.explanation}`, endpoint };
  }
  const { nextHops, failoverOn } = plan;
  const failover = failoverOn === undefined ? undefined : { failoverOn };
  if (plan.keepsRequestUri) {
    return { kind: "proxy", nextHops, endpoint, ...failover };
  }
  const uris = plan.hosts.map((host) => `sip:${userOf(request.requestUri)}@${host}`);
  return plan.redirectStatus === undefined
    ? { kind: "proxy", nextHops, requestUri: uris[0]!, endpoint, ...failover }
    : { kind: "redirect", status: plan.redirectStatus, contacts: uris, endpoint };
}

/** A request that a registrar has sent to our Contact: as if its address had been dialled, also for whoever is next. */
function byContact(address: string, request: RoutingRequest, table: EndpointTable, options: RoutingOptions): Decision {
  const { defaultRoute } = options;
  const decision = decide({ ...request, requestUri: address }, table, { defaultRoute });
  return decision.kind === "proxy" && decision.requestUri === undefined
    ? { ...decision, requestUri: address }
    : decision;
}

/** How the rows of a treatment answer, but for their address and the user part that was dialled. */
type Plan =
  | { readonly refusal: RejectDecision }
  | {
      readonly nextHops: readonly string[];
      /** What stands behind `user@`, for the pool and then for the backup pool. */
      readonly hosts: readonly string[];
      readonly redirectStatus: 302 | 303 | undefined;
      readonly keepsRequestUri: boolean;
      readonly failoverOn: readonly number[] | undefined;
    };

function makePlan(row: TreatmentSettings): Plan {
  if (row.retired !== undefined) {
    return { refusal: retired(row.retired, row.retiredReason) };
  }
  if (!row.enabled) {
    return { refusal: DISABLED };
  }
  const port = row.port === undefined ? "" : `:${row.port}`;
  const transport = row.transport === "auto" ? "" : `;transport=${row.transport}`;
  const pools = row.backupPool === undefined ? [row.poolFqdn] : [row.poolFqdn, row.backupPool];
  const hosts = pools.map((pool) => uriHost(pool) + port + transport);
  return {
    nextHops: hosts.map((host) => `sip:${host}`),
    hosts,
    redirectStatus: row.mode === "redirect" ? row.redirectStatus : undefined,
    keepsRequestUri: row.mode === "proxy" && row.requestUri === "keep",
    failoverOn: row.failoverOn?.split(",").map(Number),
  };
}

/** The URIs to which calls of rows with these settings are proxied, in order; none where they are answered here. */
export function nextHopsOf(row: TreatmentSettings): readonly string[] {
  const plan = makePlan(row);
  return "refusal" in plan || plan.redirectStatus !== undefined ? [] : plan.nextHops;
}

/** RFC 3261 §21.4.18: the address is right, but it is not to be reached for now. */
const DISABLED: RejectDecision = {
  kind: "reject",
  status: 480,
  reason: "Temporarily Unavailable",
  explanation: "is disabled",
};

/** RFC 3261 §21.4.10 (410) or §21.4.5 (404): the address is no more. The decision names it, so that its callers are still seen. */
function retired(status: 404 | 410, reason: string | undefined): RejectDecision {
  return {
    kind: "reject",
    status,
    reason: status === 410 ? "Gone" : "Not Found",
    explanation: `is retired${reason === undefined ? "" : `: ${reason}`}`,
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
