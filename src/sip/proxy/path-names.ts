import { type Flow, isReliable } from "../flow.ts";
import type { FlowRegistry } from "../flow-registry.ts";
import { Header } from "../header-names.ts";
import { KeyedHash } from "../keyed-hash.ts";
import type { SipMessage } from "../message.ts";
import { markOf } from "../neighbours.ts";
import type { NamesOnPath } from "./environment.ts";
import { RouteTokens } from "./route-tokens.ts";
import type { RouteInformation } from "./routes.ts";

/** Where a Route of ours leads. */
export interface WayOn {
  /** The connection that it names, if we have it. */
  readonly flow: Flow | undefined;
  /** True when it names one, and we do not have it. */
  readonly flowGone: boolean;
  /** The mark of whoever may have it then. */
  readonly elsewhere: string | undefined;
}

/** Two 32-bit numbers: a key for the tokens in our Record-Route URIs. */
type RouteKey = readonly [number, number];

/**
 * The user parts of our Record-Route and Path URIs: what they say when we write them, and what they tell us when a
 * request comes back by them.
 */
export class PathNames {
  private tokens: RouteTokens;
  private readonly flows: FlowRegistry;

  /** @param keys the first signs, all verify; see `CoreOptions.routeKeys` */
  constructor(flows: FlowRegistry, keys: readonly RouteKey[]) {
    this.flows = flows;
    this.tokens = tokensOf(keys);
  }

  /** Puts other keys in force. */
  setKeys(keys: readonly RouteKey[]): void {
    this.tokens = tokensOf(keys);
  }

  /** What goes into Record-Route, or the Path of a REGISTER, for a request that travels between these two. */
  issue(request: SipMessage, inbound: Flow, outbound: Flow | undefined): NamesOnPath {
    const isRegister = request.method === "REGISTER";
    // A client itself, not a server, opened this connection: its Contact may be good for nothing else (RFC 5626 §5.3).
    const isFirstHop = request.findNext(request.find(Header.Via)) < 0;
    const behindFlow = this.tokens.required && isFirstHop && isReliable(inbound.transport);
    const boundTo = isRegister ? "" : request.callId;
    const user = this.tokens.issue(boundTo, behindFlow ? this.flows.idOf(inbound) : undefined);
    if (isRegister) return { header: behindFlow ? "Path" : undefined, inboundUser: user, outboundUser: user };
    const outboundUser =
      outbound === undefined && !behindFlow
        ? user
        : this.tokens.issue(boundTo, outbound === undefined ? undefined : this.flows.idOf(outbound));
    return { header: "Record-Route", inboundUser: user, outboundUser };
  }

  /**
   * What the tokens in our Routes say of the way on, or undefined when one of them is not ours to honour.
   * @param boundTo the Call-ID, or "" for a Path
   */
  read(routes: RouteInformation, boundTo: string): WayOn | undefined {
    let flowId: string | undefined;
    for (const user of routes.ourUsers) {
      const token = this.tokens.read(user, boundTo);
      if (token === undefined) return undefined;
      // The last of our Routes is the side on which the request leaves.
      flowId = token.flowId;
    }
    const flow = flowId === undefined ? undefined : this.flows.find(flowId);
    const flowGone = flowId !== undefined && flow === undefined;
    return { flow, flowGone, elsewhere: flowGone ? markOf(flowId!) : undefined };
  }
}

function tokensOf(keys: readonly RouteKey[]): RouteTokens {
  return new RouteTokens(keys.map((key) => new KeyedHash(key)));
}
