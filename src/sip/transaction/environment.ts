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
  /** The flow of the request, or one to where its topmost Via says. */
  readonly flow: Flow;
  /** Where the topmost Via says that responses are waited for. */
  readonly port: number;

  constructor(flow: Flow, port: number) {
    this.flow = flow;
    this.port = port;
  }

  /** @param via the topmost Via of the request as it arrived, on `flow` */
  static of(via: Via, flow: Flow, environment: TransactionEnvironment): ResponsePath {
    const port = via.port ?? (flow.transport === "tls" || flow.transport === "wss" ? 5061 : 5060);
    // DEVIATION: maddr (§18.2.2) is not followed: it is for multicast, and lets a stranger aim our answers at others.
    const symmetric = isReliable(flow.transport) || via.rport || port === flow.remotePort;
    return new ResponsePath(symmetric ? flow : environment.connect(viaTarget(flow, port), flow.listener), port);
  }

  /** Sends on the flow of the request; where that is closed, on a new connection to the Via's address. */
  send(text: string, environment: TransactionEnvironment): void {
    const { flow } = this;
    environment.send(flow.open ? flow : environment.connect(viaTarget(flow, this.port), flow.listener), text);
  }
}

function viaTarget({ transport, remoteAddress }: Flow, port: number): Target {
  return { transport, address: remoteAddress, port, host: remoteAddress };
}
