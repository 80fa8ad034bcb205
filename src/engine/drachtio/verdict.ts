import type { ResolveConfig } from "../../config/config.ts";
import type { Decision, RejectDecision } from "../../sip/decision.ts";
import type { SipMessage } from "../../sip/message.ts";
import type { Parsed } from "../../sip/parse.ts";
import { checkRequest } from "../../sip/proxy/request-checks.ts";
import { explanationHeaders, reasonPhrase } from "../../sip/reply.ts";
import { parseUri } from "../../sip/uri.ts";
import { destinationsOf, type OwnPlaces } from "./destinations.ts";

/** What is done with a request, ready to be carried out. */
export type Verdict = AnswerVerdict | ProxyVerdict;

export interface AnswerVerdict {
  readonly kind: "answer";
  /** For the log: what led to it. */
  readonly decision: "redirect" | "reject" | "self";
  readonly status: number;
  readonly reason: string;
  readonly headers: Record<string, string>;
  readonly endpoint?: string | undefined;
  readonly explanation?: string | undefined;
}

export interface ProxyVerdict {
  readonly kind: "proxy";
  readonly destinations: readonly string[];
  readonly endpoint?: string | undefined;
}

/** What the servers and the configuration allow. */
export interface Means {
  /** Our name, for Warning headers. */
  readonly name: string;
  readonly own: OwnPlaces;
  readonly hosts: ResolveConfig["hosts"];
  /** The methods that are proxied outside of dialogs. */
  readonly proxies: readonly string[];
}

/** The row is right, but not for this engine: like a disabled one, so that nobody up the line takes us for dead. */
const UNABLE = 480;

/**
 * What is done with a request that a drachtio-server handed over. Pure.
 * @param decide the routing
 */
export function verdictOn(parsed: Parsed, decide: (message: SipMessage) => Decision, means: Means): Verdict {
  const { name } = means;
  if (parsed.kind === "hopeless") return refusal(400, parsed.reason, name);
  if (parsed.kind === "broken") return refusal(parsed.status, parsed.reason, name);
  const { message } = parsed;
  const wrong = checkRequest(message);
  if (wrong !== undefined) return refusal(wrong.status, wrong.explanation, name, wrong.headers);
  if (message.to?.tag !== undefined) {
    // The server relays requests of dialogs by itself; what comes here names none of them, or no Route (§12.2.2).
    return refusal(481, "the request belongs to no dialog of this gateway", name);
  }
  if (message.method === "OPTIONS" && isOurs(message.requestUri, means.own)) {
    const headers = { Server: "Waypost", Allow: ["OPTIONS", ...means.proxies].join(", "), Accept: "*/*" };
    return { kind: "answer", decision: "self", status: 200, reason: "OK", headers };
  }
  const decision = decide(message);
  switch (decision.kind) {
    case "reject":
      return rejection(decision, name);
    case "redirect": {
      const contacts = decision.contacts.map((uri) => `<${uri}>`).join(", ");
      const reason = reasonPhrase(decision.status);
      const headers = { Server: "Waypost", Contact: contacts };
      const { status, endpoint } = decision;
      return { kind: "answer", decision: "redirect", status, reason, headers, endpoint };
    }
    case "proxy": {
      const { endpoint } = decision;
      const unable = (why: string): AnswerVerdict => {
        const explanation = `engine drachtio cannot serve ${endpoint ?? "the default route"}: ${why}`;
        return { ...refusal(UNABLE, explanation, name), endpoint };
      };
      if (!means.proxies.includes(message.method)) {
        return unable(`it proxies ${means.proxies.join(", ")} only, and this is ${message.method}`);
      }
      const found = destinationsOf(decision, message.requestUri, means.own, means.hosts);
      return found.ok ? { kind: "proxy", destinations: found.uris, endpoint } : unable(found.reason);
    }
  }
}

/** What is answered when the routing or the engine itself failed. */
export function failure(name: string): AnswerVerdict {
  return refusal(500, "the gateway failed to decide; its log says why", name);
}

function rejection({ status, reason, explanation, endpoint }: RejectDecision, name: string): AnswerVerdict {
  return { ...refusal(status, explanation, name), reason, endpoint };
}

function refusal(status: number, explanation: string, name: string, lines = ""): AnswerVerdict {
  const headers = record(`Server: Waypost\r\n${lines}${explanationHeaders(name, status, explanation)}`);
  return { kind: "answer", decision: "reject", status, reason: reasonPhrase(status), headers, explanation };
}

/** Whole header lines as the library takes them: by name, values of one name joined (§7.3.1). */
function record(lines: string): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const line of lines.split("\r\n")) {
    const colon = line.indexOf(":");
    if (colon < 0) continue;
    const name = line.slice(0, colon);
    const value = line.slice(colon + 1).trim();
    headers[name] = headers[name] === undefined ? value : `${headers[name]}, ${value}`;
  }
  return headers;
}

/** A URI without user that names the server itself. */
function isOurs(requestUri: string, { hosts, ports }: OwnPlaces): boolean {
  const uri = parseUri(requestUri);
  if (uri === undefined || uri.user !== undefined) return false;
  return [...hosts].some((host) => host.toLowerCase() === uri.host) && ports.has(uri.port ?? 5060);
}
