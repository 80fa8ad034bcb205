import type { Listener } from "../../src/sip/flow.ts";
import type { SimHeader, SimMessage } from "./sim-message.ts";
import { uriOf } from "./sim-message.ts";

export interface ForwardRule {
  readonly inbound: Listener;
  readonly outbound: Listener;
  readonly requestUri: string;
  readonly recordRoute: boolean;
  /** The core signs its Record-Route URIs, in their user part. */
  readonly signed: boolean;
}

/** What is wrong with the copy of a request that the core sent on (§16.6), or undefined. */
export function forwardingFault(
  received: SimMessage,
  sent: SimMessage,
  rule: ForwardRule,
  names: ReadonlySet<string>,
): string | undefined {
  if (sent.start !== `${received.method} ${rule.requestUri} SIP/2.0`) return `start line ${sent.start}`;
  if (sent.body !== received.body) return "the body was changed";
  if (/\r\n[a-z][ \t]*:/i.test(sent.text.slice(0, sent.text.indexOf("\r\n\r\n")))) return "a compact header name";
  if (sent.vias.length !== received.vias.length + 1) return `${sent.vias.length} Vias of ${received.vias.length}`;
  const sentRoutes = sent.addresses("record-route");
  const kept = received.addresses("record-route");
  const ours = sentRoutes.slice(0, sentRoutes.length - kept.length);
  if (sentRoutes.slice(ours.length).join() !== kept.join()) return `Record-Route ${sentRoutes.join()}`;
  if (recordRouteFault(ours, rule)) return `our own Record-Route ${ours.join()}`;
  if (sent.addresses("route").join() !== routesBeyondUs(received, names).join()) {
    return `Route ${sent.addresses("route").join()}`;
  }
  const before = received.headers.filter((header) => header.name !== "route");
  const after = sent.headers.filter((header) => header.name !== "route").slice(1 + ours.length);
  for (let i = 0; i < before.length; i++) {
    const fault = headerFault(before[i]!, after[i]);
    if (fault !== undefined) return fault;
  }
  for (const added of after.slice(before.length)) {
    if (added.name !== "content-length" && added.name !== "max-forwards") return `added ${added.name}`;
    if (received.value(added.name) !== undefined) return `a second ${added.name}`;
  }
  return undefined;
}

function headerFault(before: SimHeader, after: SimHeader | undefined): string | undefined {
  if (after === undefined || after.name !== before.name) return `${after?.name} where ${before.name} was`;
  if (after.value === before.value) return before.name === "max-forwards" ? "Max-Forwards did not go down" : undefined;
  if (before.name === "max-forwards" && Number(after.value) === Number(before.value) - 1) return undefined;
  if (before.name === "via" && withoutSource(after.value) === withoutSource(before.value)) return undefined;
  return `${before.name}: ${after.value}, was ${before.value}`;
}

/** A Via without what its receiver writes into it (§18.2.1, RFC 3581 §4). */
export function withoutSource(via: string): string {
  return via.replace(/;received=[^;,]*/, "").replace(/;rport=[^;,]*/, ";rport");
}

/** §16.6 step 4, RFC 5658: our name for the side the request leaves by, and below it that for the other side. */
function recordRouteFault(ours: readonly string[], rule: ForwardRule): boolean {
  if (!rule.recordRoute) return ours.length > 0;
  const value = (l: Listener): string => `<sip:${l.advertisedHost}:${l.advertisedPort};transport=${l.transport};lr>`;
  if (ours.some((route) => /^<sip:[^@>]+@/.test(route) !== rule.signed)) return true;
  const plain = ours.map((route) => route.replace(/^<sip:[^@>]+@/, "<sip:"));
  // Of a next hop that is asked for over UDP by name.
  if (rule.outbound.transport === "udp") plain[0] = plain[0]!.replace(";lr;udp-only>", ";lr>");
  const both = [value(rule.outbound), value(rule.inbound)].join();
  if (plain.length === 1) return rule.outbound !== rule.inbound || plain[0] !== value(rule.outbound);
  return plain.join() !== both || new Set(ours).size < 2;
}

/** The Route values that are left when ours are taken off the top (§16.4). */
export function routesBeyondUs(request: SimMessage, names: ReadonlySet<string>): string[] {
  const routes = request.addresses("route");
  const first = routes.findIndex((route) => !names.has(hostOf(route)));
  return first < 0 ? [] : routes.slice(first);
}

export function hostOf(nameAddr: string): string {
  return /^sip:(?:[^@]*@)?([^:;]*)/.exec(uriOf(nameAddr))?.[1] ?? "";
}

/** What is wrong with an ACK or CANCEL that the core made for an INVITE of its own (§9.1, §17.1.1.3), or undefined. */
export function hopByHopFault(invite: SimMessage, sent: SimMessage, to: string): string | undefined {
  if (sent.requestUri !== invite.requestUri) return `Request-URI ${sent.requestUri}`;
  if (sent.vias.length !== 1 || sent.vias[0]!.text !== invite.vias[0]!.text) return "its Via is not that of the INVITE";
  if (sent.from !== invite.from) return `From ${sent.from}`;
  if (sent.to !== to) return `To ${sent.to}`;
  if (sent.callId !== invite.callId || sent.cseq !== invite.cseq) return "Call-ID or CSeq";
  if (sent.addresses("route").join() !== invite.addresses("route").join()) return "Route";
  if (sent.value("content-length") !== "0") return "Content-Length";
  return undefined;
}
