import { type Flow, isReliable, type Listener, type Target } from "../flow.ts";
import type { TimerValues } from "../timer-values.ts";
import type { Timers } from "../timers.ts";
import type { Via } from "../via.ts";

/** What the transaction machines need of the world: sending, timers, and the values of the timers. */
export interface TransactionEnvironment {
  readonly timers: Timers;
  readonly values: TimerValues;
  send(flow: Flow, text: string): void;
  connect(target: Target, listener: Listener): Flow;
}

/** The way back to whoever sent a request (RFC 3261 §18.2.2, RFC 3581 §4). */
export class ResponsePath {
  private readonly flow: Flow;
  private readonly fallback: Target;

  private constructor(flow: Flow, fallback: Target) {
    this.flow = flow;
    this.fallback = fallback;
  }

  /** @param via the topmost Via of the request as it arrived, on `flow` */
  static of(via: Via, flow: Flow, environment: TransactionEnvironment): ResponsePath {
    const defaultPort = flow.transport === "tls" || flow.transport === "wss" ? 5061 : 5060;
    const address = flow.remoteAddress;
    const fallback: Target = { transport: flow.transport, address, port: via.port ?? defaultPort, host: address };
    // DEVIATION: maddr (§18.2.2) is not followed: it is for multicast, and lets a stranger aim our answers at others.
    const symmetric = isReliable(flow.transport) || via.rport || fallback.port === flow.remotePort;
    return new ResponsePath(symmetric ? flow : environment.connect(fallback, flow.listener), fallback);
  }

  /** Sends on the flow of the request; where that is closed, on a new connection to the Via's address. */
  send(text: string, environment: TransactionEnvironment): void {
    const flow = this.flow.open ? this.flow : environment.connect(this.fallback, this.flow.listener);
    environment.send(flow, text);
  }
}
