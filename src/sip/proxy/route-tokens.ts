import type { KeyedHash } from "../keyed-hash.ts";

/** What a Record-Route user part of ours said, once its signature held. */
export interface RouteToken {
  /** The connection behind which this side of the dialog is to be found; undefined where its URI is enough. */
  readonly flowId: string | undefined;
}

/**
 * The user part of our Record-Route and Path URIs: a keyed hash over the Call-ID (for Path: over nothing) and the
 * connection, if one is named. Only who was sent such a URI by us can have a request relayed by it, and only within
 * that dialog, so the gateway is no open relay. Several gateways may share the keys.
 */
export class RouteTokens {
  private readonly keys: readonly KeyedHash[];
  /** Of the token that was read last: for the same request it is mostly issued again, and need not be made. */
  private readCallId: string | undefined;
  private readMac = "";

  /** @param keys the first signs, all of them verify; none at all = no tokens, and nothing is refused for lack of one */
  constructor(keys: readonly KeyedHash[]) {
    this.keys = keys;
  }

  get required(): boolean {
    return this.keys.length > 0;
  }

  /** The user part for a dialog (or with an empty `callId` for a Path), followed by `@`; "" without keys. */
  issue(callId: string, flowId: string | undefined): string {
    const key = this.keys[0];
    if (key === undefined) return "";
    if (flowId === undefined && callId === this.readCallId) return `${this.readMac}@`;
    return flowId === undefined ? `${key.token(callId)}@` : `${key.token(`${callId}\n${flowId}`)}-${flowId}@`;
  }

  /** Reads a user part back; undefined when no key of ours made it for this `callId`. */
  read(user: string | undefined, callId: string): RouteToken | undefined {
    if (!this.required) return NO_FLOW;
    if (user === undefined) return undefined;
    const dash = user.indexOf("-");
    const flowId = dash < 0 ? undefined : user.slice(dash + 1);
    const mac = dash < 0 ? user : user.slice(0, dash);
    const signed = flowId === undefined ? callId : `${callId}\n${flowId}`;
    for (let i = 0; i < this.keys.length; i++) {
      if (!this.keys[i]!.isToken(mac, signed)) continue;
      if (flowId !== undefined) return { flowId };
      if (i === 0) {
        this.readCallId = callId;
        this.readMac = mac;
      }
      return NO_FLOW;
    }
    return undefined;
  }
}

const NO_FLOW: RouteToken = { flowId: undefined };
