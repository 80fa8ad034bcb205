import { type Flow, familyOf, type Listener, type Target } from "../flow.ts";
import type { TimerValues } from "../timer-values.ts";
import type { Timers } from "../timers.ts";
import type { Via } from "../via.ts";

/** What the transaction machines need of the world: sending, timers, and the values of the timers. */
export interface TransactionEnvironment {
  readonly timers: Timers;
  readonly values: TimerValues;
  send(flow: Flow, bytes: Buffer): void;
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
    const reliable = flow.transport !== "udp";
    const defaultPort = flow.transport === "tls" || flow.transport === "wss" ? 5061 : 5060;
    const port = via.port ?? defaultPort;
    const maddr = via.maddr;
    // maddr is honoured for IP literals only: a name would have to be resolved for a stranger's sake.
    const address = !reliable && maddr !== undefined && isIpLiteral(maddr) ? maddr : flow.remoteAddress;
    const fallback: Target = { transport: flow.transport, address, port, host: address };
    const symmetric = via.rport || (port === flow.remotePort && address === flow.remoteAddress);
    if (reliable || symmetric) return new ResponsePath(flow, fallback);
    return new ResponsePath(environment.connect(fallback, flow.listener), fallback);
  }

  /** Sends on the flow of the request; where that is closed, on a new connection to the Via's address. */
  send(bytes: Buffer, environment: TransactionEnvironment): void {
    const flow = this.flow.open ? this.flow : environment.connect(this.fallback, this.flow.listener);
    environment.send(flow, bytes);
  }
}

function isIpLiteral(host: string): boolean {
  return familyOf(host) === 6 || /^\d+\.\d+\.\d+\.\d+$/.test(host);
}
